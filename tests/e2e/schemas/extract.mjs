// Writes openai.json: JSON Schemas of what OpenAI's API answers, and the names of what its requests may hold.
//
// The source is the published OpenAI specification in the form the installed `openai` client carries it: its type
// declarations are generated from that specification, so a new version of the client brings a new specification.
// Only facts are taken: names, types, values of enumerations, what may be left out and what may be null.
//
//   node schemas/extract.mjs            writes openai.json beside this file
//
// `schemas.test.mjs` fails if openai.json is not what this writes.

import {readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import ts from 'typescript';

const folder = new URL('.', import.meta.url);

// `ModelList` and `ErrorResponse` have no name in the client, which opens these two envelopes itself.
const entry = fileURLToPath(new URL('entry.ts', folder));
const openai = `
  import type {ChatCompletion, ChatCompletionChunk, ChatCompletionCreateParamsBase, ChatCompletionMessageParam}
    from 'openai/resources/chat/completions/completions';
  import type {Completion, CompletionCreateParamsBase} from 'openai/resources/completions';
  import type {CreateEmbeddingResponse, EmbeddingCreateParams} from 'openai/resources/embeddings';
  import type {Model} from 'openai/resources/models';
  import type {
    EasyInputMessage, FunctionTool, Response, ResponseCompletedEvent, ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent, ResponseCreatedEvent, ResponseCreateParamsBase, ResponseFailedEvent,
    ResponseFunctionCallArgumentsDeltaEvent, ResponseFunctionCallArgumentsDoneEvent, ResponseFunctionToolCall,
    ResponseFunctionToolCallItem, ResponseFunctionToolCallOutputItem, ResponseIncompleteEvent, ResponseInProgressEvent,
    ResponseInputItem, ResponseInputMessageItem, ResponseInputText, ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent, ResponseOutputMessage, ResponseOutputText, ResponseTextDeltaEvent,
    ResponseTextDoneEvent, ToolChoiceAllowed, ToolChoiceFunction, ToolChoiceOptions,
  } from 'openai/resources/responses/responses';
  import type {ResponseItemList} from 'openai/resources/responses/input-items';
  import type {ErrorObject} from 'openai/resources/shared';
  // A type in which some members are narrower: of the many tools and items there are, these are Puna's. All others are
  // refused by their type.
  type Narrow<T, M> = {[K in keyof T as K extends 'output_text' ? never : K]: K extends keyof M ? M[K] : T[K]};
  type OutputItem = ResponseOutputMessage | ResponseFunctionToolCall;
  type InputMessage = Narrow<ResponseInputMessageItem, {content: ResponseInputText[]}>;
  type CallOutput = Narrow<ResponseFunctionToolCallOutputItem, {output: string | ResponseInputText[]}>;
  type ToolChoice = ToolChoiceOptions | ToolChoiceAllowed | ToolChoiceFunction;
  type Snapshot = {response: {[name: string]: unknown}};  // judged as a Response of its own
  export type Answers = {
    Response: Narrow<Response, {output: OutputItem[], tools: FunctionTool[], tool_choice: ToolChoice,
                                instructions: string | null, prompt: null, conversation: null, moderation: null}>,
    ResponseItemList: Narrow<ResponseItemList,
      {data: (InputMessage | CallOutput | ResponseFunctionToolCallItem | ResponseOutputMessage)[]}>,
    'response.created': Narrow<ResponseCreatedEvent, Snapshot>,
    'response.in_progress': Narrow<ResponseInProgressEvent, Snapshot>,
    'response.completed': Narrow<ResponseCompletedEvent, Snapshot>,
    'response.incomplete': Narrow<ResponseIncompleteEvent, Snapshot>,
    'response.failed': Narrow<ResponseFailedEvent, Snapshot>,
    'response.output_item.added': Narrow<ResponseOutputItemAddedEvent, {item: OutputItem}>,
    'response.output_item.done': Narrow<ResponseOutputItemDoneEvent, {item: OutputItem}>,
    'response.content_part.added': Narrow<ResponseContentPartAddedEvent, {part: ResponseOutputText}>,
    'response.content_part.done': Narrow<ResponseContentPartDoneEvent, {part: ResponseOutputText}>,
    'response.output_text.delta': ResponseTextDeltaEvent, 'response.output_text.done': ResponseTextDoneEvent,
    'response.function_call_arguments.delta': ResponseFunctionCallArgumentsDeltaEvent,
    'response.function_call_arguments.done': ResponseFunctionCallArgumentsDoneEvent,
    ChatCompletion: ChatCompletion, ChatCompletionChunk: ChatCompletionChunk, Completion: Completion, Model: Model,
    ModelList: {object: 'list', data: Model[]}, ErrorResponse: {error: ErrorObject},
    CreateEmbeddingResponse: CreateEmbeddingResponse,
  };
  export type Requests = {
    '/v1/chat/completions': ChatCompletionCreateParamsBase, '/v1/completions': CompletionCreateParamsBase,
    '/v1/embeddings': EmbeddingCreateParams,
    '/v1/responses': Narrow<ResponseCreateParamsBase, {
      input: string | (EasyInputMessage | ResponseInputItem.Message | ResponseOutputMessage | ResponseFunctionToolCall |
                       ResponseInputItem.FunctionCallOutput | ResponseInputItem.ItemReference)[],
      tools: FunctionTool[], tool_choice: ToolChoice}>,
  };
`;

// TypeScript has one type for all numbers; the specification says "integer" for these.
const integers = /^(created|(\w+_)?at|(\w+_)?index|sequence_number|text_offset|bytes|(\w+_)?tokens)$/;

// `source` is TypeScript that exports the types `Answers` and `Requests`.
export function load(source) {
  const options = {strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
                   module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext};
  const host = ts.createCompilerHost(options);
  const {fileExists, readFile} = host;
  host.fileExists = path => path === entry || fileExists(path);
  host.readFile = path => path === entry ? source : readFile(path);
  const program = ts.createProgram([entry], options, host);
  const file = program.getSourceFile(entry);
  const mistakes = program.getSemanticDiagnostics(file);
  if (mistakes.length > 0) throw new Error(ts.formatDiagnostics(mistakes, host));
  const checker = program.getTypeChecker();
  const exported = new Map(checker.getExportsOfModule(checker.getSymbolAtLocation(file))
                               .map(symbol => [symbol.name, checker.getDeclaredTypeOfSymbol(symbol)]));
  return {checker, exported};
}

export class Extraction {
  defs = {};

  constructor(checker) { this.checker = checker; }

  // `name` is that of the property whose type it is.
  schema(type, name) {
    const {flags} = type;
    if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
    if (flags & ts.TypeFlags.Null) return {type: 'null'};
    if (flags & ts.TypeFlags.StringLiteral) return {const: type.value};
    if (flags & ts.TypeFlags.BooleanLike) return {type: 'boolean'};
    if (flags & ts.TypeFlags.NumberLike) return {type: integers.test(name) ? 'integer' : 'number'};
    if (flags & ts.TypeFlags.StringLike) return {type: 'string'};
    if (type.isUnion()) return this.union(type, name);
    // `string & {}`: any string, though some are known.
    if (type.isIntersection()) return this.schema(type.types[0], name);
    if (this.checker.isArrayType(type))
      return {type: 'array', items: this.schema(this.checker.getTypeArguments(type)[0], name)};
    if (flags & ts.TypeFlags.Object) return this.object(type, name);
    throw new Error(`${name}: no schema for ${this.checker.typeToString(type)}`);
  }

  union(type, name) {
    // "string & {}" beside words stands for any other string.
    const isAny = part => part.isIntersection() && part.types[0].flags & ts.TypeFlags.String;
    const any = type.types.some(isAny);
    const parts = type.types.filter(part => !(part.flags & ts.TypeFlags.Undefined) && !isAny(part) &&
                                            !(any && part.isStringLiteral()));
    if (any) return parts.length > 0 ? {anyOf: [{type: 'string'}, ...parts.map(part => this.schema(part, name))]} : {type: 'string'};
    const words = parts.filter(part => part.isStringLiteral()).map(part => part.value).sort();
    const schemas = words.length > 0 ? [{enum: words}] : [];
    for (const part of parts) {
      if (part.isStringLiteral()) continue;
      const schema = this.schema(part, name);
      // true and false are a union too.
      if (!schemas.some(other => JSON.stringify(other) === JSON.stringify(schema))) schemas.push(schema);
    }
    schemas.sort((a, b) => (a.type === 'null') - (b.type === 'null'));
    return schemas.length === 1 ? schemas[0] : {anyOf: schemas};
  }

  object(type, name) {
    const values = this.checker.getIndexTypeOfType(type, ts.IndexKind.String);
    if (values) return {type: 'object', additionalProperties: this.schema(values, name)};
    const called = this.checker.getFullyQualifiedName(type.symbol).replace(/^".*"\./, '');
    if (called.startsWith('__')) return this.properties(type);
    if (!(called in this.defs)) {
      this.defs[called] = null;  // met again while it is being read, it is only named
      this.defs[called] = this.properties(type);
    }
    return {$ref: `#/$defs/${called}`};
  }

  properties(type) {
    const members = this.checker.getPropertiesOfType(type);
    const properties = {};
    for (const member of members)
      properties[member.name] = this.schema(this.checker.getTypeOfSymbol(member), member.name);
    const required = members.filter(member => !(member.flags & ts.SymbolFlags.Optional)).map(member => member.name);
    return {type: 'object', properties, required};
  }
}

const nullable = schema => ({anyOf: [schema, {type: 'null'}]});

// Where OpenAI's service answers otherwise than its specification says in types; the specification's own text says so
// of the first two.
function correct(defs) {
  // Events of a streamed completion have the type of a whole one: only the last of a choice has a finish_reason, only
  // the last of all has usage.
  const chunk = structuredClone(defs.Completion);
  chunk.properties.choices.items = {$ref: '#/$defs/CompletionChunk.Choice'};
  chunk.properties.usage = nullable(chunk.properties.usage);
  const choice = structuredClone(defs.CompletionChoice);
  choice.properties.finish_reason = nullable(choice.properties.finish_reason);
  Object.assign(defs, {CompletionChunk: chunk, 'CompletionChunk.Choice': choice});
  // A page of items that has none.
  for (const name of ['first_id', 'last_id'])
    defs.ResponseItemList.properties[name] = nullable(defs.ResponseItemList.properties[name]);
  // encoding_format "base64".
  const {embedding} = defs.Embedding.properties;
  defs.Embedding.properties.embedding = {anyOf: [embedding, {type: 'string'}]};
  // The first token of an echoed prompt follows on nothing.
  const {token_logprobs, top_logprobs} = defs['CompletionChoice.Logprobs'].properties;
  for (const list of [token_logprobs, top_logprobs]) list.items = nullable(list.items);
}

// The names of an object's members and, `levels` deep, of theirs: "stream_options.include_usage", "messages[].role".
export function fieldNames(checker, type, levels) {
  const names = new Set();
  const add = (type, before) => {
    for (const part of type.isUnion() ? type.types : [type]) {
      if (!(part.flags & ts.TypeFlags.Object)) continue;
      if (checker.isArrayType(part)) add(checker.getTypeArguments(part)[0], `${before}[]`);
      else members(part, before);
    }
  };
  const members = (type, before) => {
    for (const member of checker.getPropertiesOfType(type)) {
      const name = before === '' ? member.name : `${before}.${member.name}`;
      names.add(name);
      if (name.split('.').length < levels) add(checker.getTypeOfSymbol(member), name);
    }
  };
  members(type, '');
  return [...names].sort();
}

function extract() {
  const {checker, exported} = load(openai);
  const extraction = new Extraction(checker);
  const {properties: named} = extraction.properties(exported.get('Answers'));
  const {defs} = extraction;
  for (const [name, schema] of Object.entries(named)) if (!('$ref' in schema)) defs[name] = schema;
  correct(defs);
  const requests = {};
  for (const path of checker.getPropertiesOfType(exported.get('Requests')))
    requests[path.name] = fieldNames(checker, checker.getTypeOfSymbol(path), 2);
  const sorted = Object.fromEntries(Object.entries(defs).sort(([a], [b]) => a < b ? -1 : 1));
  const {version} = JSON.parse(readFileSync(new URL('../node_modules/openai/package.json', folder)));
  return {$comment: `Written by extract.mjs from the declarations of openai ${version}.`, $defs: sorted, requests};
}

// One line for what fits into one; `before` is what already stands in it.
export function print(value, indent = '', before = '') {
  const line = JSON.stringify(value).replaceAll('":', '": ').replaceAll(/,(?=["{[])/g, ', ');
  if (typeof value !== 'object' || indent !== '' && before.length + line.length < 120) return line;
  const inner = indent + '  ';
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const lines = Object.entries(value).map(([key, item]) => {
    const start = inner + (Array.isArray(value) ? '' : `${JSON.stringify(key)}: `);
    return start + print(item, inner, start);
  });
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

export const written = () => print(extract()) + '\n';

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL('openai.json', folder), written());
