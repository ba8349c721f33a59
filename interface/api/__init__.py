"""API endpoints and MCP tools, for callers without a screen."""
