"""The fast path's kernels in Triton: the two loops over neighbours, and what stands between the matrix products.

A program has a few atoms (and one member of the committee, where members differ), its lanes are the neighbours of
each in one group, and Chebyshev polynomials are made in registers by their recurrence. No two programs write to the
same place: pairs get an output each, which is summed along a list of pairs by neighbour. So there are no atomic
additions, whose order and rounding would change from run to run: sums are in the same order each time.

Constants that no float32 holds come from memory in float64 and never as an argument, since Triton passes a Python
number as float32. What stands as a literal is exact in either. Places in memory are computed in 64 bits. Numbers that
change from call to call are not specialised on, so that nothing is compiled anew for another number of atoms.
"""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["activation", "columns_back", "force_sums", "moment_sums", "pair_pulls", "products"]


@triton.jit
def _geometry(
    starts: tl.tensor,
    neighbours: tl.tensor,
    offsets: tl.tensor,
    positions: tl.tensor,
    constants: tl.tensor,
    atom: tl.tensor,
    some: tl.tensor,
    group: tl.tensor,
    groups: tl.tensor,
    intervals: tl.tensor,
    BLOCK: tl.constexpr,
) -> tl.tuple:
    """Of the pairs of atoms in one group, of shape (ATOMS, BLOCK); harmless where a lane is empty.

    Returns:
        Which pairs they are, and which are real; vector, 1/r, w/r² (times the vector it is q = s · r̂), ds/dr and x.
    """
    smooth, over_range, scale = tl.load(constants), tl.load(constants + 1), tl.load(constants + 2)
    begin = tl.load(starts + atom * groups + group, mask=some, other=0)
    end = tl.load(starts + atom * groups + group + 1, mask=some, other=0)
    index = begin[:, None] + tl.arange(0, BLOCK)[None, :]
    real = index < end[:, None]
    neighbour = tl.load(neighbours + index, mask=real, other=0)
    here, there = positions + 3 * atom, positions + 3 * neighbour
    x = tl.load(here, mask=some, other=0.0)[:, None]
    y = tl.load(here + 1, mask=some, other=0.0)[:, None]
    z = tl.load(here + 2, mask=some, other=0.0)[:, None]
    dx = tl.load(there, mask=real, other=0.0) - x + tl.load(offsets + 3 * index, mask=real, other=0.0)
    dy = tl.load(there + 1, mask=real, other=0.0) - y + tl.load(offsets + 3 * index + 1, mask=real, other=0.0)
    dz = tl.load(there + 2, mask=real, other=0.0) - z + tl.load(offsets + 3 * index + 2, mask=real, other=0.0)
    dx, dy, dz = tl.where(real, dx, 1.0), tl.where(real, dy, 1.0), tl.where(real, dz, 1.0)
    r = tl.sqrt(dx * dx + dy * dy + dz * dz)
    inverse = 1.0 / r
    u = tl.minimum(tl.maximum((r - smooth) * over_range, 0.0), 1.0)
    w = u * u * u * (u * (15.0 - 6.0 * u) - 10.0) + 1.0
    slope = -30.0 * u * u * (u - 1.0) * (u - 1.0) * over_range
    over = w * inverse * inverse
    shift = (2 * (intervals - 1 - group % intervals) + 1).to(tl.float64)
    argument = tl.where(real, scale * w * inverse - shift, 0.0)
    return index, real, dx, dy, dz, inverse, over, slope * inverse - over, argument


@triton.jit(do_not_specialize=["size", "groups", "intervals", "plane"])
def moment_sums(
    starts: tl.tensor,
    neighbours: tl.tensor,
    offsets: tl.tensor,
    positions: tl.tensor,
    constants: tl.tensor,
    atoms: tl.tensor,
    scalars: tl.tensor,
    vectors: tl.tensor,
    size: tl.tensor,
    groups: tl.tensor,
    intervals: tl.tensor,
    width: tl.tensor,
    plane: tl.tensor,
    TERMS: tl.constexpr,
    ATOMS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Σ_j T_m(x_j) and Σ_j q_j T_m(x_j), for some atoms and one group of their neighbours, at most BLOCK of them.

    `scalars` is (size, width), a group's TERMS side by side from the left, and `vectors` (3, size, groups · TERMS) with
    planes of `plane` numbers. They say in what precision the recurrence runs; geometry is in float64.
    """
    row = tl.program_id(0).to(tl.int64) * ATOMS + tl.arange(0, ATOMS)
    group, some = tl.program_id(1), row < size
    atom = tl.load(atoms + row, mask=some, other=0)
    _, real, dx, dy, dz, _, over, _, position = _geometry(
        starts, neighbours, offsets, positions, constants, atom, some, group, groups, intervals, BLOCK
    )
    x = position.to(scalars.dtype.element_ty)
    qx, qy, qz = (over * dx).to(x.dtype), (over * dy).to(x.dtype), (over * dz).to(x.dtype)
    twice = x + x
    t0, t1 = tl.where(real, 1.0, 0.0).to(x.dtype), x  # zero in empty lanes, and so is all that comes of them
    here = scalars + row * width + group * TERMS
    first = vectors + (row * groups + group) * TERMS
    second = first + plane
    third = second + plane
    for m in tl.range(0, TERMS):
        tl.store(here + m, tl.sum(t0, axis=1), mask=some)
        tl.store(first + m, tl.sum(qx * t0, axis=1), mask=some)
        tl.store(second + m, tl.sum(qy * t0, axis=1), mask=some)
        tl.store(third + m, tl.sum(qz * t0, axis=1), mask=some)
        t0, t1 = t1, twice * t1 - t0


@triton.jit(do_not_specialize=["size", "groups", "intervals", "plane", "pairs", "total", "first"])
def pair_pulls(
    starts: tl.tensor,
    neighbours: tl.tensor,
    offsets: tl.tensor,
    positions: tl.tensor,
    constants: tl.tensor,
    atoms: tl.tensor,
    by_scalars: tl.tensor,
    by_vectors: tl.tensor,
    pulls: tl.tensor,
    forces: tl.tensor,
    virials: tl.tensor,
    size: tl.tensor,
    groups: tl.tensor,
    intervals: tl.tensor,
    plane: tl.tensor,
    pairs: tl.tensor,
    total: tl.tensor,
    first: tl.tensor,
    REAL: tl.constexpr,
    TERMS: tl.constexpr,
    ATOMS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """∂E/∂d of the pairs of some atoms by one member, their sums, and the atoms' shares of the virial.

    `by_scalars` is (members, size, groups · TERMS), `by_vectors` (members, 3, size, groups · TERMS) with planes of
    `plane` numbers. Written are `pulls` (members, pairs, 3), `forces` (members, total, 3) and `virials` (members,
    total, 9), from member `first` on. The recurrence runs in REAL.
    """
    row = tl.program_id(0).to(tl.int64) * ATOMS + tl.arange(0, ATOMS)
    batch, some = tl.program_id(1).to(tl.int64), row < size
    atom, member = tl.load(atoms + row, mask=some, other=0), batch + first
    scale = tl.load(constants + 2)
    none = tl.zeros([ATOMS], dtype=tl.float64)
    fx, fy, fz = none, none, none
    xx, xy, xz, yx, yy, yz, zx, zy, zz = none, none, none, none, none, none, none, none, none
    for group in tl.range(0, groups):
        index, real, dx, dy, dz, inverse, over, by_r, position = _geometry(
            starts, neighbours, offsets, positions, constants, atom, some, group, groups, intervals, BLOCK
        )
        x = position.to(REAL)
        twice = x + x
        empty = tl.zeros([ATOMS, BLOCK], dtype=REAL)
        # T_m and T_{m+1}; U_{m−1} and U_m, as T'_m = m U_{m−1}; and m.
        t0, t1, u0, u1, order = empty + 1.0, x, empty, empty + 1.0, tl.full([], 0.0, REAL)
        hx, hy, hz, ds, dqx, dqy, dqz = empty, empty, empty, empty, empty, empty, empty
        scalar = by_scalars + ((batch * size + row) * groups + group) * TERMS
        along_x = by_vectors + ((batch * 3 * size + row) * groups + group) * TERMS
        along_y = along_x + plane
        along_z = along_y + plane
        for m in tl.range(0, TERMS):
            gs = tl.load(scalar + m, mask=some, other=0.0).to(REAL)[:, None]
            gx = tl.load(along_x + m, mask=some, other=0.0).to(REAL)[:, None]
            gy = tl.load(along_y + m, mask=some, other=0.0).to(REAL)[:, None]
            gz = tl.load(along_z + m, mask=some, other=0.0).to(REAL)[:, None]
            hx, hy, hz = hx + gx * t0, hy + gy * t0, hz + gz * t0
            slope = u0 * order
            ds, dqx, dqy, dqz = ds + gs * slope, dqx + gx * slope, dqy + gy * slope, dqz + gz * slope
            t0, t1 = t1, twice * t1 - t0
            u0, u1 = u1, twice * u1 - u0
            order += 1.0
        qx, qy, qz = (over * dx).to(REAL), (over * dy).to(REAL), (over * dz).to(REAL)
        along = (ds + qx * dqx + qy * dqy + qz * dqz).to(tl.float64)
        ax, ay, az = hx.to(tl.float64), hy.to(tl.float64), hz.to(tl.float64)
        radial = (along * scale * by_r + (ax * dx + ay * dy + az * dz) * (by_r - over) * inverse) * inverse
        px = tl.where(real, radial * dx + ax * over, 0.0)
        py = tl.where(real, radial * dy + ay * over, 0.0)
        pz = tl.where(real, radial * dz + az * over, 0.0)
        out = pulls + (member * pairs + index) * 3
        tl.store(out, px, mask=real)
        tl.store(out + 1, py, mask=real)
        tl.store(out + 2, pz, mask=real)
        # Summed here and not at the end: sums of a lane each would take more registers than there are.
        fx, fy, fz = fx + tl.sum(px, axis=1), fy + tl.sum(py, axis=1), fz + tl.sum(pz, axis=1)
        xx, xy, xz = (
            xx - tl.sum(px * dx, axis=1),
            xy - tl.sum(px * dy, axis=1),
            xz - tl.sum(px * dz, axis=1),
        )
        yx, yy, yz = (
            yx - tl.sum(py * dx, axis=1),
            yy - tl.sum(py * dy, axis=1),
            yz - tl.sum(py * dz, axis=1),
        )
        zx, zy, zz = (
            zx - tl.sum(pz * dx, axis=1),
            zy - tl.sum(pz * dy, axis=1),
            zz - tl.sum(pz * dz, axis=1),
        )
    force = forces + (member * total + atom) * 3
    tl.store(force, fx, mask=some)
    tl.store(force + 1, fy, mask=some)
    tl.store(force + 2, fz, mask=some)
    nine = virials + (member * total + atom) * 9
    tl.store(nine, xx, mask=some)
    tl.store(nine + 1, xy, mask=some)
    tl.store(nine + 2, xz, mask=some)
    tl.store(nine + 3, yx, mask=some)
    tl.store(nine + 4, yy, mask=some)
    tl.store(nine + 5, yz, mask=some)
    tl.store(nine + 6, zx, mask=some)
    tl.store(nine + 7, zy, mask=some)
    tl.store(nine + 8, zz, mask=some)


@triton.jit(do_not_specialize=["pairs", "total", "widest"])
def force_sums(
    reach: tl.tensor,
    order: tl.tensor,
    pulls: tl.tensor,
    forces: tl.tensor,
    pairs: tl.tensor,
    total: tl.tensor,
    widest: tl.tensor,
    ATOMS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Take from the forces on some atoms what the pairs pull in which they are the neighbour.

    These are order[reach[atom]:reach[atom + 1]], at most `widest`.
    """
    atom = tl.program_id(0).to(tl.int64) * ATOMS + tl.arange(0, ATOMS)
    member, some = tl.program_id(1).to(tl.int64), atom < total
    begin = tl.load(reach + atom, mask=some, other=0)
    end = tl.load(reach + atom + 1, mask=some, other=0)
    none = tl.zeros([ATOMS, BLOCK], dtype=tl.float64)
    fx, fy, fz = none, none, none
    for ahead in tl.range(0, widest, BLOCK):
        index = begin[:, None] + ahead + tl.arange(0, BLOCK)[None, :]
        real = index < end[:, None]
        pair = tl.load(order + index, mask=real, other=0)
        pull = pulls + (member * pairs + pair) * 3
        fx += tl.load(pull, mask=real, other=0.0)
        fy += tl.load(pull + 1, mask=real, other=0.0)
        fz += tl.load(pull + 2, mask=real, other=0.0)
    force = forces + (member * total + atom) * 3
    tl.store(force, tl.load(force, mask=some, other=0.0) - tl.sum(fx, axis=1), mask=some)
    tl.store(force + 1, tl.load(force + 1, mask=some, other=0.0) - tl.sum(fy, axis=1), mask=some)
    tl.store(force + 2, tl.load(force + 2, mask=some, other=0.0) - tl.sum(fz, axis=1), mask=some)


@triton.jit(do_not_specialize=["size"])
def products(
    columns: tl.tensor,
    left: tl.tensor,
    right: tl.tensor,
    out: tl.tensor,
    size: tl.tensor,
    members: tl.tensor,
    rank: tl.tensor,
    number: tl.tensor,
    ATOMS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Σ_c columns[c, left] · columns[c, right] of some atoms by one member, BLOCK products of each.

    `columns` is (4, size, members, rank), `left` and `right` (members, number), `out` (members, size, number).
    """
    row = (tl.program_id(0).to(tl.int64) * ATOMS + tl.arange(0, ATOMS))[:, None]
    member = tl.program_id(2).to(tl.int64)
    lanes = (tl.program_id(1) * BLOCK + tl.arange(0, BLOCK))[None, :]
    p = tl.load(left + member * number + lanes, mask=lanes < number, other=0)
    q = tl.load(right + member * number + lanes, mask=lanes < number, other=0)
    real = (row < size) & (lanes < number)
    found = tl.zeros([ATOMS, BLOCK], dtype=columns.dtype.element_ty)
    for c in tl.static_range(4):
        here = columns + ((c * size + row) * members + member) * rank
        found += tl.load(here + p, mask=real, other=0.0) * tl.load(here + q, mask=real, other=0.0)
    tl.store(out + (member * size + row) * number + lanes, found, mask=real)


@triton.jit(do_not_specialize=["size"])
def columns_back(
    columns: tl.tensor,
    by_products: tl.tensor,
    table: tl.tensor,
    out: tl.tensor,
    size: tl.tensor,
    members: tl.tensor,
    rank: tl.tensor,
    number: tl.tensor,
    ATOMS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """From the derivative by the products to that by the columns, of some atoms by one member, BLOCK of the rank.

    `table` is (members, rank, rank): which product has these two columns, `number` for none. `out` is (members, 4,
    size, rank).
    """
    row = tl.program_id(0).to(tl.int64) * ATOMS + tl.arange(0, ATOMS)
    member, some = tl.program_id(2).to(tl.int64), row < size
    lanes = (tl.program_id(1) * BLOCK + tl.arange(0, BLOCK))[None, :]
    first = columns + (row * members + member) * rank
    second = columns + ((size + row) * members + member) * rank
    third = columns + ((2 * size + row) * members + member) * rank
    fourth = columns + ((3 * size + row) * members + member) * rank
    slopes = by_products + ((member * size + row) * number)[:, None]
    none = tl.zeros([ATOMS, BLOCK], dtype=columns.dtype.element_ty)
    a, b, c, d = none, none, none, none
    for q in tl.range(0, rank):
        at = tl.load(table + (member * rank + q) * rank + lanes, mask=lanes < rank, other=number)
        slope = tl.load(slopes + at, mask=some[:, None] & (at < number), other=0.0)
        slope = tl.where(lanes == q, slope + slope, slope)
        a += slope * tl.load(first + q, mask=some, other=0.0)[:, None]
        b += slope * tl.load(second + q, mask=some, other=0.0)[:, None]
        c += slope * tl.load(third + q, mask=some, other=0.0)[:, None]
        d += slope * tl.load(fourth + q, mask=some, other=0.0)[:, None]
    real = some[:, None] & (lanes < rank)
    there = out + (member * 4 * size + row[:, None]) * rank + lanes
    step = size.to(tl.int64) * rank
    tl.store(there, a, mask=real)
    tl.store(there + step, b, mask=real)
    tl.store(there + 2 * step, c, mask=real)
    tl.store(there + 3 * step, d, mask=real)


@triton.jit(do_not_specialize=["size"])
def activation(
    values: tl.tensor,
    bias: tl.tensor,
    step: tl.tensor,
    given: tl.tensor,
    out: tl.tensor,
    size: tl.tensor,
    stride: tl.tensor,
    given_stride: tl.tensor,
    narrow: tl.tensor,
    wide: tl.tensor,
    PASSES: tl.constexpr,
    ATOMS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """With y = tanh(values + bias): out = y · step + what passes by, values = step · (1 − y²).

    `values` is (members, size, stride), of which the first `wide` are taken; of `given`, (members, size, given_stride),
    the first `narrow` pass by with PASSES, as often as they fit into `out`, (members, size, wide).
    """
    row = (tl.program_id(0).to(tl.int64) * ATOMS + tl.arange(0, ATOMS))[:, None]
    member = tl.program_id(2).to(tl.int64)
    lanes = (tl.program_id(1) * BLOCK + tl.arange(0, BLOCK))[None, :]
    factor = tl.load(step + member * wide + lanes, mask=lanes < wide, other=0.0)
    shift = tl.load(bias + member * wide + lanes, mask=lanes < wide, other=0.0)
    real = (row < size) & (lanes < wide)
    here = values + (member * size + row) * stride + lanes
    v = tl.load(here, mask=real, other=0.0) + shift
    y = 1.0 - 2.0 / (tl.exp(v + v) + 1.0)  # of a large v the power is 0 or infinite, and y as it should be
    made = y * factor
    if PASSES:
        there = given + (member * size + row) * given_stride
        made += tl.load(there + lanes % narrow, mask=real, other=0.0)
    tl.store(out + (member * size + row) * wide + lanes, made, mask=real)
    tl.store(here, factor * (1.0 - y * y), mask=real)
