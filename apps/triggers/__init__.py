"""Starting flows: webhooks, schedules, forms, and what happens inside the product."""
