"""Register the functions that aisteer sends, and print what to put into an endpoint's config.yaml."""

from globus_compute_sdk import Client

from aisteer.execution.globus import functions

client = Client()
print("allowed_functions:")
for name in functions.NAMES:
    registered = client.register_source_code(
        functions.source(name), name, description=functions.mark(name), public=True
    )
    print(f"  - {registered}  # {functions.mark(name)}")
