/** Import direction of the front end: app -> features -> flow-core and the shared folders; no cycles. */
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "features-do-not-meet",
      comment: "Features meet only in app/.",
      severity: "error",
      from: { path: "^src/features/([^/]+)/" },
      to: { path: "^src/features/", pathNot: "^src/features/$1/" },
    },
    {
      name: "only-app-and-itself-import-a-feature",
      severity: "error",
      from: { path: "^src/(flow-core|components|hooks|lib|styles|i18n)/" },
      to: { path: "^src/(features|app)/" },
    },
    {
      name: "features-do-not-import-app",
      severity: "error",
      from: { path: "^src/features/" },
      to: { path: "^src/app/" },
    },
    {
      name: "flow-core-has-no-react",
      severity: "error",
      from: { path: "^src/flow-core/" },
      to: {
        path: "(node_modules/(react|react-dom|@mantine|@xyflow)/|^src/(components|hooks|features|app|lib|styles|i18n)/)",
      },
    },
    {
      name: "lib-and-i18n-are-below-components",
      severity: "error",
      from: { path: "^src/(lib|i18n|styles)/" },
      to: { path: "^src/(components|hooks)/" },
    },
    { name: "nothing-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
