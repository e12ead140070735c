"""Records of exported models in; one report as Markdown, JSON, HTML and terminal table out."""
