module openshell.ai/test-tls

go 1.25
