"""People, their API tokens, and the one row that says whether the instance has an owner."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from apps.accounts.types import PRESENCE_COLORS
from apps.common.models import BaseModel


class PersonManager(BaseUserManager["Person"]):
    """Makes people; emails are kept in lower case, colours are handed out in turn."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> Person:
        fields.setdefault("color", self.count() % PRESENCE_COLORS + 1)
        person = self.model(email=email.strip().lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> Person:
        return self.create_user(email, password, is_admin=True, **fields)

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(email=(username or "").strip().lower())


class Person(AbstractBaseUser, BaseModel):
    """Someone who signs in by email. ``is_admin`` opens the console; it gives no role in any workspace."""

    class Language(models.TextChoices):
        ENGLISH = "en"
        CHINESE = "zh"

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=80)
    language = models.CharField(max_length=2, choices=Language, default=Language.ENGLISH)
    color = models.PositiveSmallIntegerField(default=1)
    is_active = models.BooleanField(default=True)
    is_admin = models.BooleanField(default=False)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("email"), name="person_email_case_insensitive")
        ]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """Django's admin asks for this name."""
        return self.is_admin

    @property
    def is_superuser(self) -> bool:
        """Never: the console has its own permission rules."""
        return False

    def has_perm(self, _perm: str, _obj: object = None) -> bool:
        """The console decides per model (``apps.operations``); elsewhere Django permissions are not used."""
        return self.is_active and self.is_admin

    def has_module_perms(self, _app_label: str) -> bool:
        return self.is_active and self.is_admin


class ApiToken(BaseModel):
    """A key for programs. Only its SHA-256 is kept: it carries 256 random bits, so no slow hash is needed."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"


def _new_owner_code() -> str:
    """60 random bits as three groups one can read aloud."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(3))


class Instance(models.Model):
    """One row, id 1. ``owner_code`` is emptied when the first owner has signed up."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    owner_code = models.CharField(max_length=20, default=_new_owner_code)
    claimed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(id=1), name="instance_is_one_row")
        ]

    def __str__(self) -> str:
        return "claimed" if self.claimed_at else "waiting for its owner"
