"""The watcher process: looks at instances, follows consoles. Any number of them share the work."""
