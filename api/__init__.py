"""The thin HTTP face: routers, schemas, errors. The business lives in workflows and domain."""
