"""Changes to unikernels: the machine (pure), the judge (pure), the plan (pure), and who runs them."""
