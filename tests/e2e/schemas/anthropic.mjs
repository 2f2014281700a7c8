// Writes anthropic.json: JSON Schemas of what Anthropic's API answers, and the names of what its requests may hold. The
// source is the published specification in the form the installed `@anthropic-ai/sdk` carries it; of it, what a model
// that writes text and calls tools of its client can answer. See extract.mjs.
//
//   node schemas/anthropic.mjs            writes anthropic.json beside this file

import {readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {Extraction, fieldNames, load, print} from './extract.mjs';

const folder = new URL('.', import.meta.url);

const source = `
  import type {DirectCaller, InputJSONDelta, Message, MessageCreateParamsBase, MessageTokensCount,
               RawContentBlockDeltaEvent, RawContentBlockStartEvent, RawContentBlockStopEvent, RawMessageDeltaEvent,
               RawMessageStartEvent, RawMessageStopEvent, TextBlock, TextDelta, Tool, ToolUseBlock}
    from '@anthropic-ai/sdk/resources/messages/messages';
  import type {ErrorResponse} from '@anthropic-ai/sdk/resources/shared';
  type Without<Type, Names extends keyof Type> = {[Name in keyof Type]: Name extends Names ? null : Type[Name]};
  interface Text extends Without<TextBlock, 'citations'> {}
  interface ToolUse extends Omit<ToolUseBlock, 'caller'> { caller: DirectCaller; }
  interface Written extends Omit<Without<Message, 'container' | 'diagnostics' | 'stop_details'>, 'content' | 'model'> {
    content: Array<Text | ToolUse>;
    model: string;
  }
  interface Start extends Omit<RawMessageStartEvent, 'message'> { message: Written; }
  interface BlockStart extends Omit<RawContentBlockStartEvent, 'content_block'> { content_block: Text | ToolUse; }
  interface BlockDelta extends Omit<RawContentBlockDeltaEvent, 'delta'> { delta: TextDelta | InputJSONDelta; }
  interface End extends Omit<RawMessageDeltaEvent, 'delta'> {
    delta: Without<RawMessageDeltaEvent.Delta, 'container' | 'stop_details'>;
  }
  export type Answers = {
    Message: Written, MessageTokensCount: MessageTokensCount, ErrorResponse: ErrorResponse, message_start: Start,
    content_block_start: BlockStart, content_block_delta: BlockDelta, content_block_stop: RawContentBlockStopEvent,
    message_delta: End, message_stop: RawMessageStopEvent, ping: {type: 'ping'}, error: ErrorResponse,
  };
  interface Create extends Omit<MessageCreateParamsBase, 'tools'> { tools?: Array<Tool>; }
  export type Requests = {'/v1/messages': Create};
`;

function extract() {
  const {checker, exported} = load(source);
  const extraction = new Extraction(checker);
  const {properties: $answers} = extraction.properties(exported.get('Answers'));
  const requests = {};
  for (const path of checker.getPropertiesOfType(exported.get('Requests')))
    requests[path.name] = fieldNames(checker, checker.getTypeOfSymbol(path), 2);
  const $defs = Object.fromEntries(Object.entries(extraction.defs).sort(([a], [b]) => a < b ? -1 : 1));
  const {version} = JSON.parse(readFileSync(new URL('../node_modules/@anthropic-ai/sdk/package.json', folder)));
  return {$comment: `Written by anthropic.mjs from the declarations of @anthropic-ai/sdk ${version}.`, $answers, $defs, requests};
}

export const written = () => print(extract()) + '\n';

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL('anthropic.json', folder), written());
