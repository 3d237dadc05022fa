module openshell.ai/tests/docker/runtime

go 1.19
