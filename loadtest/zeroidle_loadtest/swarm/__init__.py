"""The load test as Locust runs it. The only package here that imports Locust.

`locust -f <this folder>/locustfile.py --scenario FILE --stack NAME` works with Locust's page,
headless, and with workers on this machine (`--processes`) or others (`--worker`).
"""
