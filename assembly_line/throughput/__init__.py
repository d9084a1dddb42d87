"""The measures of the line, from station events alone. Pure logic, no AWS."""
