/** Mantine speaks our tokens: every colour it draws comes from styles/tokens.css. */
import {
  Button,
  type CSSVariablesResolver,
  createTheme,
  Input,
  type MantineColorsTuple,
} from "@mantine/core";

/** Ten shades around the accent. Only Mantine's inner arithmetic reads them; filled parts use `--accent`. */
const accent: MantineColorsTuple = [
  "#eeefff",
  "#d9dbfb",
  "#b9bcf5",
  "#9397ee",
  "#7378e6",
  "#5d63e6",
  "#4a4fd6",
  "#3f44c0",
  "#353aa6",
  "#2a2e86",
];

/** Mantine's own greys, lightest first, said in our tokens. */
const gray: MantineColorsTuple = [
  "var(--app)",
  "var(--canvas)",
  "var(--sunken)",
  "var(--line)",
  "var(--line-strong)",
  "var(--control-line)",
  "var(--text-disabled)",
  "var(--text-3)",
  "var(--text-2)",
  "var(--text)",
];

/** What Mantine reads in the dark scheme: from text down to the page. */
const dark: MantineColorsTuple = [
  "var(--text)",
  "var(--text-2)",
  "var(--text-3)",
  "var(--control-line)",
  "var(--line-strong)",
  "var(--active)",
  "var(--raised)",
  "var(--surface)",
  "var(--sunken)",
  "var(--app)",
];

/** Control heights by size: 24 in bars, 28 everywhere, 36 only on sign-in. */
const heights: Record<string, string> = { xs: "24px", sm: "28px", md: "28px", lg: "36px" };
const typeSizes: Record<string, string> = {
  xs: "var(--fs-xs)",
  sm: "var(--fs-s)",
  md: "var(--fs-s)",
  lg: "var(--fs-m)",
};
const paddings: Record<string, string> = { xs: "8px", sm: "10px", md: "10px", lg: "14px" };
const bySize = (values: Record<string, string>, size: unknown): string =>
  values[typeof size === "string" ? size : "sm"] ?? values.sm ?? "";

export const theme = createTheme({
  fontFamily: "var(--font)",
  fontFamilyMonospace: "var(--mono)",
  headings: { fontFamily: "var(--font)", fontWeight: "600" },
  primaryColor: "accent",
  colors: { accent, gray, dark },
  primaryShade: { light: 6, dark: 5 },
  defaultRadius: 6,
  radius: { xs: "4px", sm: "6px", md: "8px", lg: "12px", xl: "16px" },
  fontSizes: { xs: "11px", sm: "12px", md: "13px", lg: "15px", xl: "18px" },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.45", lg: "1.4", xl: "1.3" },
  spacing: { xs: "4px", sm: "8px", md: "12px", lg: "16px", xl: "24px" },
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Input: Input.extend({
      vars: (_theme, { size }) => ({
        wrapper: {
          "--input-height": bySize(heights, size),
          "--input-size": bySize(heights, size),
          "--input-fz": bySize(typeSizes, size),
          "--input-padding": size === "lg" ? "10px" : "8px",
          "--input-section-size": bySize(heights, size),
        },
      }),
    }),
    Button: Button.extend({
      vars: (_theme, { size }) => ({
        root: {
          "--button-height": bySize(heights, size),
          "--button-fz": bySize(typeSizes, size),
          "--button-padding-x": bySize(paddings, size),
        },
      }),
    }),
    Modal: {
      defaultProps: { centered: true, radius: 12, padding: 20, overlayProps: { color: "var(--scrim)" } },
    },
    Menu: { defaultProps: { shadow: "md", radius: 8, transitionProps: { duration: 120 } } },
    Tooltip: { defaultProps: { openDelay: 350, fz: 11, transitionProps: { duration: 90 } } },
    Loader: { defaultProps: { size: 16 } },
  },
});

const roles = {
  "--mantine-color-body": "var(--surface)",
  "--mantine-color-text": "var(--text)",
  "--mantine-color-dimmed": "var(--text-3)",
  "--mantine-color-placeholder": "var(--text-3)",
  "--mantine-color-error": "var(--danger-text)",
  "--mantine-color-default": "var(--raised)",
  "--mantine-color-default-hover": "var(--hover)",
  "--mantine-color-default-color": "var(--text)",
  "--mantine-color-default-border": "var(--line-strong)",
  "--mantine-color-anchor": "var(--accent-text)",
  "--mantine-primary-color-filled": "var(--accent)",
  "--mantine-primary-color-filled-hover": "var(--accent-hover)",
  "--mantine-primary-color-light": "var(--accent-soft)",
  "--mantine-primary-color-light-color": "var(--accent-text)",
  "--mantine-primary-color-contrast": "var(--on-accent)",
  "--mantine-color-accent-filled": "var(--accent)",
  "--mantine-color-accent-filled-hover": "var(--accent-hover)",
  "--mantine-color-accent-light": "var(--accent-soft)",
  "--mantine-color-accent-light-color": "var(--accent-text)",
  "--mantine-color-accent-outline": "var(--accent-line)",
  "--mantine-color-gray-text": "var(--text-2)",
  "--mantine-color-gray-filled": "var(--text-3)",
  "--mantine-color-gray-light": "var(--hover)",
  "--mantine-color-gray-light-hover": "var(--active)",
  "--mantine-color-gray-light-color": "var(--text-2)",
  "--mantine-color-gray-outline": "var(--line-strong)",
  "--mantine-color-red-text": "var(--danger-text)",
  "--mantine-color-red-filled-hover": "color-mix(in srgb, var(--danger) 88%, var(--text))",
  "--mantine-color-red-filled": "var(--danger)",
  "--mantine-color-red-light": "var(--danger-soft)",
  "--mantine-color-red-light-color": "var(--danger-text)",
  "--mantine-color-disabled": "var(--sunken)",
  "--mantine-color-disabled-color": "var(--text-disabled)",
  "--mantine-color-disabled-border": "var(--line)",
};

export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {
    "--mantine-shadow-xs": "var(--shadow-1)",
    "--mantine-shadow-sm": "var(--shadow-2)",
    "--mantine-shadow-md": "var(--shadow-3)",
  },
  light: roles,
  dark: roles,
});
