"""The auditor: reads the topics as a stranger would and proves what was used, and under which consent."""
