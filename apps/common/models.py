"""The base of all rows, and the outbox table."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models


class BaseModel(models.Model):
    """A row with a random id (122 bits) and its times in UTC."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class OutboxEvent(models.Model):
    """A domain event for one handler, written in the transaction that caused it.

    One row per handler, so that a handler that fails is retried without repeating the others.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        DEAD = "dead"

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=100)
    handler = models.CharField(max_length=100)
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=models.Q(state="waiting"), name="outbox_due"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} for {self.handler}"


class Chore(models.Model):
    """Something one process of all does once in a while (``apps.common.chores``): when it is due, and who
    has it until when."""

    name = models.CharField(max_length=60, primary_key=True)
    due_at = models.DateTimeField()
    holder = models.UUIDField(null=True)
    held_until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class IdempotentAnswer(models.Model):
    """The stored answer to a call that carried an ``Idempotency-Key``; plain ids, kept for a day."""

    id = models.BigAutoField(primary_key=True)
    person_id = models.UUIDField()
    route = models.CharField(max_length=300)
    key = models.CharField(max_length=200)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person_id", "route", "key"], name="idempotent_answer_once")
        ]

    def __str__(self) -> str:
        return self.route
