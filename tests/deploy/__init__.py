"""What an operator is given: rules, dashboards, catalogue, containers, chart, package; each checked by the tool it is for."""
