// The static summary beside a live view is for when the kernel is not there: hidden while the view lives, shown when it does not.
function summaryBeside(el, view) {
  const area = el.closest(".jp-OutputArea, .output_area, .cell-output-ipywidget-background");
  const places = () =>
    [...(area?.querySelectorAll(".aisteer-summary") || [])].map((node) => node.closest(".jp-OutputArea-child") || node);
  const put = () => {
    const folded = view.folded();
    for (const node of places()) node.style.display = folded ? "" : "none";
    advise(!folded);
  };
  // What brings the board back is said once: above it as long as the view is there.
  const advise = (shown) => {
    for (const node of area?.querySelectorAll(".aisteer-advice") || []) node.style.display = shown ? "" : "none";
  };
  view.summaries = places;
  put();
  const watch = area ? new MutationObserver(put) : null;
  watch?.observe(area, { childList: true, subtree: false });
  const timer = setInterval(put, 250);
  return () => {
    watch?.disconnect();
    clearInterval(timer);
    for (const node of places()) node.style.display = "";
    advise(true);
  };
}
