export { api, inWorkspace, read } from "./client";
export {
  addHeaders,
  apiRoot,
  csrfToken,
  http,
  problemOf,
  type Query,
  send,
  withQuery,
  workspacePath,
} from "./http";
export { ApiProblem, asProblem, type FieldProblem, offlineProblem } from "./problem";
export type * from "./types";
