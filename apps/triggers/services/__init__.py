"""Operations on triggers: registering, firing, pausing, listening."""
