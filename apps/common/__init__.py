"""What every app stands on: base model, API base, errors, paging, events and outbox, bus."""
