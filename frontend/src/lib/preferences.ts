/** Choices that belong to this device, not to the person: contrast and the workspace last used. */
import { create } from "zustand";
import { createJSONStorage, persist } from "zustand/middleware";

type Preferences = {
  moreContrast: boolean;
  lastWorkspaceId: string | null;
  setMoreContrast: (on: boolean) => void;
  setLastWorkspaceId: (id: string | null) => void;
};

export const usePreferences = create<Preferences>()(
  persist(
    (set) => ({
      moreContrast: false,
      lastWorkspaceId: null,
      setMoreContrast: (moreContrast) => set({ moreContrast }),
      setLastWorkspaceId: (lastWorkspaceId) => set({ lastWorkspaceId }),
    }),
    { name: "sage.preferences", storage: createJSONStorage(() => localStorage) },
  ),
);
