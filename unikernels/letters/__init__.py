"""What is told by mail about unikernels: which letter to whom, in which words."""
