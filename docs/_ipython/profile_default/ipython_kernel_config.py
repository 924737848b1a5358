"""How the pages of the site draw their figures: fine enough for any screen."""

c = get_config()  # noqa: F821
c.InlineBackend.figure_formats = {"retina"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": None}  # as the figure is, nothing cut or added
c.HistoryManager.enabled = False
c.IPKernelApp.log_level = "ERROR"
