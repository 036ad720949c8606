"""People."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from apps.common.models import BaseModel


class PersonManager(BaseUserManager["Person"]):
    """Makes people; emails are kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> Person:
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
    color = models.PositiveSmallIntegerField(default=0, help_text="Index into the palette of presence colours.")
    is_active = models.BooleanField(default=True)
    is_admin = models.BooleanField(default=False)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="person_email_case_insensitive")]
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

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """The console decides per model (``apps.operations``); elsewhere Django permissions are not used."""
        return self.is_active and self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_admin
