"""The bearer routes of the OCaml Mollymawk, over the services of this one.

Old scripts go on working: same paths, same envelope, same codes. What differs is listed in
``docs/upgrading.md``; above all that only a success is answered as one.
"""
