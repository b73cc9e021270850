"""The pages, one module each: which filters a page has, and what it shows.

What belongs here are sums and ratios of sums of marts. Any other computation belongs in a mart;
how things look belongs in `charts` and `frame`.

The folder is not called `pages`: Streamlit would take its files for pages by themselves.
"""
