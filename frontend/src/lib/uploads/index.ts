export { isGoing, type Upload } from "./queue";
export { discardUpload, type Unfinished, unfinishedUploads } from "./send";
export { useUploads } from "./use-uploads";
