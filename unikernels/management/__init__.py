"""The commands of manage.py; ``manage.py help`` lists them."""
