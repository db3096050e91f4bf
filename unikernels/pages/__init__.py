"""The pages: what people see and press in the browser. Every change goes through a service."""
