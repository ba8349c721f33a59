"""What callers without a screen reach: API endpoints and MCP tools."""
