"""Where runs live: endpoints, the spool, the worker, and the driver that acts on them."""
