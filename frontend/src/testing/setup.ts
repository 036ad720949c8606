import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { chooseLanguage } from "@/i18n";

// A busy machine loads a page in more than the usual second.
configure({ asyncUtilTimeout: 8000 });

// happy-dom has none of these; Mantine asks for all.
window.matchMedia ??= ((query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
})) as unknown as typeof window.matchMedia;
window.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};

if (!("fonts" in document)) {
  Object.defineProperty(document, "fonts", { value: new EventTarget() });
}

beforeEach(() => {
  localStorage.clear();
  chooseLanguage("en", false);
});
afterEach(cleanup);
