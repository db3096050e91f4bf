"""What unikernels use: CPU, memory, network. Measured by the instances, kept here for some time.

``rates`` and ``grids`` are pure. ``keeper`` turns what an instance told into rows, ``folding`` packs old
rows and lets go of what is too old, ``reading`` answers pages and API. ``loops`` recognises unikernels
that end and are started again and again.
"""
