// Values to ask with, for every field of docs/api.md.
//
// A field has `good` values, which are valid by the specification and not what leaving it out means; `bad` ones, of a
// wrong type or out of range; and `neutral` ones, which mean the same as leaving it out. `beside` are other fields it
// needs. Of a nested field, "messages[].role", the values are whole bodies' parts, made by `place`.

import {user} from './support.mjs';

const wrongTypes = {
  string: [5, true, ['x'], {}],
  boolean: ['true', 1, []],
  integer: ['5', 1.5, true, [5]],
  number: ['0.5', true, [0.5]],
  array: ['x', 5, {}],
  object: ['x', 5, []],
};
const string = (...good) => ({good, bad: wrongTypes.string});
const boolean = {good: [true], neutral: [false], bad: wrongTypes.boolean};
const integer = (good, low, high) =>
  ({good, bad: [...wrongTypes.integer, ...[low, high].filter(value => value !== undefined)]});
const number = (good, low, high) => ({good, bad: [...wrongTypes.number, low, high]});

const tool = {type: 'function', function: {name: 'f', parameters: {type: 'object', properties: {}}}};

const common = {
  model: {...string('demo'), required: true},
  stream: boolean,
  stream_options: {good: [{include_usage: true}], neutral: [{}], bad: wrongTypes.object, beside: {stream: true}},
  'stream_options.include_usage':
    {...boolean, beside: {stream: true}, place: value => ({stream_options: {include_usage: value}})},
  'stream_options.include_obfuscation':
    {...boolean, beside: {stream: true}, place: value => ({stream_options: {include_obfuscation: value}})},
  temperature: number([0, 0.5, 2], -0.1, 2.1),
  top_p: number([0, 0.5, 1], -0.1, 1.1),
  seed: integer([0, 7, -7]),
  n: integer([1, 2], 0, 129),
  stop: {good: ['x', ['x'], ['a', 'b', 'c', 'd'], []], bad: [5, {}, [5], ['a', 'b', 'c', 'd', 'e']]},
  presence_penalty: number([-2, 0.5, 2], -2.1, 2.1),
  frequency_penalty: number([-2, 0.5, 2], -2.1, 2.1),
  logit_bias: {good: [{}, {5: -100, 6: 1.5}], bad: ['x', [], {x: 1}, {2048: 1}, {5: 101}, {5: 'x'}]},
  user: string('someone'),
  top_k: integer([0, 1, 40], -1),
  min_p: number([0, 0.1, 1], -0.1, 1.1),
  repeat_penalty: number([1, 1.1], 0, -1),
  ignore_eos: {...boolean, beside: {max_tokens: 5}},
  return_token_ids: boolean,
};

// An answer that has a form.
const guided = {
  guided_json: {good: [{type: 'integer'}, '{"type": "integer"}', true], bad: [5, ['x'], 'x', {type: 'x'}]},
  guided_regex: {good: ['[a-z]{3}'], bad: [...wrongTypes.string, '(', '(?=x)']},
  guided_choice: {good: [['yes', 'no']], bad: ['yes', 5, [], [5]]},
  grammar: {good: ['root ::= "yes" | "no"'], bad: [...wrongTypes.string, 'x', 'root ::= root']},
};
for (const field of Object.values(guided)) field.beside = {max_tokens: 16};

// What messages of some roles need beside their content.
const needed = {tool: {tool_call_id: 'call_1'}, function: {name: 'f'}};
const message = more => ({messages: [{role: 'user', content: 'Hello!', ...more}]});
const answered = more =>
  ({messages: [...user('Hello!'), {role: 'assistant', content: 'Hi.', ...more}, ...user('Hello!')]});
const tooled = more => ({messages: [...user('Hello!'), {role: 'tool', content: '5', ...more}]});
const call = {id: 'call_1', type: 'function', function: {name: 'f', arguments: '{}'}};

const chat = {
  ...common,
  ...guided,
  messages: {good: [user('Hello!')], bad: [...wrongTypes.array, []], required: true},
  'messages[].role': {
    good: ['system', 'developer', 'user', 'assistant', 'tool', 'function'], bad: [...wrongTypes.string, 'robot'],
    place: role => message({role, ...needed[role]}),
  },
  'messages[].content': {
    good: ['', 'Hello!', [{type: 'text', text: 'Hello!'}], [{type: 'text', text: 'Hel'}, {type: 'text', text: 'lo!'}]],
    bad: [5, true, {}, [5], [{type: 'text'}], [{type: 'text', text: 5}], [{type: 'image_url', image_url: {url: 'x'}}],
          [{type: 'input_audio', input_audio: {data: '', format: 'wav'}}], null],
    place: content => message({content}),
  },
  'messages[].name': {...string('Anna'), place: name => message({name})},
  'messages[].refusal': {...string('No.'), place: refusal => answered({content: null, refusal})},
  'messages[].tool_calls':
    {good: [[call], [call, call]], neutral: [[]], bad: [...wrongTypes.array, [{}], [{...call, type: 'custom'}]],
     place: tool_calls => answered({tool_calls})},
  'messages[].function_call':
    {good: [call.function], bad: wrongTypes.object, place: function_call => answered({function_call})},
  'messages[].audio': {good: [{id: 'audio_1'}], bad: wrongTypes.object, place: audio => answered({audio})},
  'messages[].tool_call_id':
    {...string('call_1'), place: tool_call_id => tooled({tool_call_id}), without: tooled({tool_call_id: 'call_2'})},
  max_tokens: integer([1, 16, 16.0], 0, 2 ** 40),
  max_completion_tokens: integer([1, 16], 0, 2 ** 40),
  logprobs: boolean,
  top_logprobs: {...integer([1, 20], -1, 21), neutral: [0], beside: {logprobs: true}},
  metadata: {good: [{purpose: 'test'}], bad: [...wrongTypes.object, {purpose: 5}]},
  store: boolean,
  service_tier: {good: ['auto', 'default', 'flex'], bad: [...wrongTypes.string, 'best']},
  safety_identifier: string('someone'),
  prompt_cache_key: string('key'),
  prompt_cache_retention: {good: ['24h', 'in_memory'], bad: [...wrongTypes.string, 'ever']},
  prompt_cache_options: {good: [{mode: 'implicit'}], bad: wrongTypes.object},
  prediction: {good: [{type: 'content', content: 'Hello!'}], bad: [...wrongTypes.object, {type: 'text'}]},
  reasoning_effort: {good: ['none', 'low', 'high'], bad: [...wrongTypes.string, 'huge']},
  verbosity: {good: ['low', 'high'], bad: [...wrongTypes.string, 'huge']},
  moderation: {good: [{model: 'omni-moderation-latest'}], bad: wrongTypes.object},
  parallel_tool_calls: {...boolean, good: [true, false], neutral: []},
  tools: {good: [[tool]], neutral: [[]], bad: [...wrongTypes.array, [{}], [tool, tool], [{type: 'custom', custom: {name: 'f'}}]]},
  functions: {good: [[tool.function]], neutral: [[]], bad: wrongTypes.array},
  tool_choice: {
    good: ['none', 'required', {type: 'function', function: {name: 'f'}},
           {type: 'allowed_tools', allowed_tools: {mode: 'auto', tools: [{type: 'function', function: {name: 'f'}}]}}],
    neutral: ['auto'],
    bad: [5, [], 'some', {type: 'function'}, {type: 'function', function: {name: 'g'}}],
    beside: {tools: [tool], max_tokens: 16},
  },
  'tools[].type': {good: ['function'], bad: [...wrongTypes.string, 'robot'], required: true, place: type => ({tools: [{...tool, type}]})},
  'tools[].function': {good: [tool.function], bad: [...wrongTypes.object, {}, {name: 'a b'}], place: f => ({tools: [{type: 'function', function: f}]})},
  'tools[].custom': {good: [{name: 'f'}], place: custom => ({tools: [{type: 'custom', custom}]})},
  'tool_choice.type': {good: [], bad: ['some'], beside: {tools: [tool]}, place: type => ({tool_choice: {type, function: {name: 'f'}}})},
  'tool_choice.function':
    {good: [{name: 'f'}], bad: [...wrongTypes.object, {}, {name: 'g'}], beside: {tools: [tool], max_tokens: 16},
     place: f => ({tool_choice: {type: 'function', function: f}})},
  'tool_choice.allowed_tools': {
    good: [{mode: 'required', tools: [{type: 'function', function: {name: 'f'}}]}],
    bad: [...wrongTypes.object, {}, {mode: 'auto', tools: []}, {mode: 'auto', tools: [{type: 'function', function: {name: 'g'}}]}],
    beside: {tools: [tool], max_tokens: 16}, place: allowed_tools => ({tool_choice: {type: 'allowed_tools', allowed_tools}}),
  },
  'tool_choice.custom': {good: [{name: 'f'}], beside: {tools: [tool]}, place: custom => ({tool_choice: {type: 'custom', custom}})},
  'response_format.type':
    {good: ['text', 'json_object'], bad: [...wrongTypes.string, 'yaml'], beside: {max_tokens: 16}, place: type => ({response_format: {type}})},
  'response_format.json_schema': {
    good: [{name: 'a'}, {name: 'a', schema: {type: 'integer'}, strict: true, description: 'd'}],
    bad: [...wrongTypes.object, {}, {name: 'a b'}, {name: 'a', strict: 'yes'}, {name: 'a', schema: 5}],
    beside: {max_tokens: 16}, place: json_schema => ({response_format: {type: 'json_schema', json_schema}}),
  },
  function_call: {good: [{name: 'f'}], neutral: ['none', 'auto'], bad: [5, [], 'some']},
  response_format: {
    good: [{type: 'json_object'}, {type: 'json_schema', json_schema: {name: 'a', schema: {type: 'object'}}}],
    neutral: [{type: 'text'}],
    bad: [...wrongTypes.object, {}, {type: 5}, {type: 'yaml'}, {type: 'json_schema'},
          {type: 'json_schema', json_schema: {name: 'a', schema: {type: 'x'}}}],
    beside: {max_tokens: 16},
  },
  modalities: {good: [['text', 'audio']], neutral: [['text']], bad: [...wrongTypes.array, [5]]},
  audio: {good: [{format: 'wav', voice: 'alloy'}], bad: wrongTypes.object},
  web_search_options: {good: [{}, {search_context_size: 'low'}], bad: wrongTypes.object},
};

const flatTool = {type: 'function', name: 'f', parameters: {type: 'object', properties: {}}};
const input = more => ({input: [{role: 'user', content: 'Hello!', ...more}]});
const called = more =>
  ({input: [...user('Hello!'), {type: 'function_call', call_id: 'c', name: 'f', arguments: '{}', ...more}]});
const gave = more => ({input: [...user('Hello!'), {type: 'function_call_output', call_id: 'c', output: '5', ...more}]});
const spoke = more => ({input: [...user('Hello!'), {role: 'assistant', content: 'Hi.', ...more}, ...user('Hello!')]});
const toolMember = (member, more) => ({...more, place: value => ({tools: [{...flatTool, [member]: value}]}),
                                       without: {tools: [flatTool]}});
const chosen = {beside: {tools: [flatTool]}};
// Without what a response has not, and with the limit of the base in place of max_tokens.
const {n, return_token_ids, 'stream_options.include_usage': includeUsage, ...responsesCommon} = {...common, ...guided};
for (const [field, sample] of Object.entries(responsesCommon))
  if (sample.beside?.max_tokens) responsesCommon[field] = {...sample, beside: {}};

const responses = {
  ...responsesCommon,
  stream_options: {good: [{include_obfuscation: false}], neutral: [{}], bad: wrongTypes.object, beside: {stream: true}},
  input: {
    good: ['', 'Hello!', user('Hello!'), [{type: 'message', ...user('Hello!')[0]}]],
    bad: [5, true, {}, [], [5], [{}], [{role: 'user'}], [{type: 'item_reference'}]],
    required: true,
  },
  'input[].type': {good: ['message'], bad: [...wrongTypes.string, 'reasoning', 'computer_call'], place: type => input({type})},
  'input[].role':
    {good: ['user', 'assistant', 'system', 'developer'], bad: [...wrongTypes.string, 'tool'], place: role => input({role})},
  'input[].content': {
    good: ['', 'Hello!', [{type: 'input_text', text: 'Hello!'}], []],
    bad: [5, true, {}, [5], [{type: 'text', text: 'x'}], [{type: 'input_text'}], [{type: 'input_text', text: 5}],
          [{type: 'input_image', image_url: 'x'}], [{type: 'input_file', file_id: 'x'}], null],
    place: content => input({content}),
  },
  'input[].id': {good: ['msg_1'], bad: [...wrongTypes.string, 'a b', 'x'.repeat(65)], place: id => input({id})},
  'input[].status': {good: ['completed'], bad: [...wrongTypes.string, 'done'], place: status => input({status}), without: input({})},
  'input[].phase':
    {good: ['final_answer'], bad: [...wrongTypes.string, 'last'], place: phase => spoke({phase}), without: spoke({})},
  'input[].call_id':
    {good: ['d'], bad: [...wrongTypes.string, null], place: call_id => called({call_id}), without: called({})},
  'input[].name': {good: ['g'], bad: [...wrongTypes.string, null], place: name => called({name})},
  'input[].arguments': {good: ['{"a":1}'], bad: [...wrongTypes.string, null], place: value => called({arguments: value})},
  'input[].caller': {good: [{type: 'direct'}], bad: wrongTypes.object, place: caller => called({caller}), without: called({})},
  'input[].namespace': {...string('n'), place: namespace => called({namespace}), without: called({})},
  'input[].output': {
    good: ['6', [{type: 'input_text', text: '6'}]], bad: [5, {}, [5], [{type: 'input_image', image_url: 'x'}], null],
    place: output => gave({output}),
  },
  instructions: string('Be brief.', ''),
  max_output_tokens: integer([1, 16, 16.0], 0, 2 ** 40),
  previous_response_id: {good: [], bad: [...wrongTypes.string, 'resp_unknown']},
  store: boolean,
  truncation: {good: ['auto'], neutral: ['disabled'], bad: [...wrongTypes.string, 'some']},
  metadata: {good: [{purpose: 'test'}], bad: [...wrongTypes.object, {purpose: 5}, {purpose: 'x'.repeat(513)}]},
  include: {
    good: [['message.output_text.logprobs'], ['reasoning.encrypted_content']], neutral: [[]],
    bad: [...wrongTypes.array, [5], ['everything']],
  },
  top_logprobs: {...integer([1, 20], -1, 21), neutral: [0]},
  text: {good: [{format: {type: 'json_object'}}], neutral: [{}, {format: {type: 'text'}}], bad: wrongTypes.object},
  'text.format': {
    good: [{type: 'json_object'}, {type: 'json_schema', name: 'a', schema: {type: 'object'}, strict: true, description: 'd'}],
    neutral: [{type: 'text'}],
    bad: [...wrongTypes.object, {}, {type: 5}, {type: 'yaml'}, {type: 'json_schema'}, {type: 'json_schema', name: 'a'},
          {type: 'json_schema', name: 'a b', schema: {}}, {type: 'json_schema', name: 'a', schema: {type: 'x'}}],
    place: format => ({text: {format}}), without: {},
  },
  'text.verbosity':
    {good: ['low', 'high'], bad: [...wrongTypes.string, 'huge'], place: verbosity => ({text: {verbosity}}), without: {}},
  parallel_tool_calls: {...boolean, good: [true, false], neutral: []},
  tools: {good: [[flatTool]], neutral: [[]],
          bad: [...wrongTypes.array, [{}], [flatTool, flatTool], [{type: 'web_search'}], [{type: 'custom', name: 'f'}], [tool]]},
  'tools[].type': {good: ['function'], bad: [...wrongTypes.string, 'mcp'], required: true, ...toolMember('type')},
  'tools[].name': toolMember('name', {good: ['g'], bad: [...wrongTypes.string, 'a b', ''], required: true}),
  'tools[].description': toolMember('description', string('What it does')),
  'tools[].parameters':
    toolMember('parameters', {good: [{}, {type: 'object'}], bad: [...wrongTypes.object, {type: 'array'}]}),
  'tools[].strict': toolMember('strict', {good: [true, false], bad: wrongTypes.boolean}),
  'tools[].allowed_callers': toolMember('allowed_callers', {good: [['direct']], bad: wrongTypes.array}),
  'tools[].defer_loading': toolMember('defer_loading', {good: [true], bad: wrongTypes.boolean}),
  'tools[].output_schema': toolMember('output_schema', {good: [{type: 'object'}], bad: wrongTypes.object}),
  tool_choice: {
    good: ['none', 'required', {type: 'function', name: 'f'},
           {type: 'allowed_tools', mode: 'auto', tools: [{type: 'function', name: 'f'}]}],
    neutral: ['auto'],
    bad: [5, [], 'some', {}, {type: 'function'}, {type: 'function', name: 'g'}, {type: 'web_search_preview'}],
    ...chosen,
  },
  'tool_choice.type': {good: ['function'], bad: [...wrongTypes.string, 'mcp'], ...chosen, place: type => ({tool_choice: {type, name: 'f'}})},
  'tool_choice.name':
    {good: ['f'], bad: [...wrongTypes.string, 'g', null], ...chosen, place: name => ({tool_choice: {type: 'function', name}})},
  'tool_choice.mode': {
    good: ['auto', 'required'], bad: [...wrongTypes.string, 'none', null], ...chosen,
    place: mode => ({tool_choice: {type: 'allowed_tools', mode, tools: [{type: 'function', name: 'f'}]}}),
  },
  'tool_choice.tools': {
    good: [[{type: 'function', name: 'f'}]], bad: [...wrongTypes.array, [], [{}], [{type: 'function', name: 'g'}], null], ...chosen,
    place: tools => ({tool_choice: {type: 'allowed_tools', mode: 'auto', tools}}),
  },
  background: {good: [true], neutral: [false], bad: wrongTypes.boolean},
  context_management: {good: [[{type: 'compaction'}]], neutral: [[]], bad: wrongTypes.array},
  conversation: {good: ['conv_1', {id: 'conv_1'}], bad: [5, true, []]},
  moderation: {good: [{model: 'omni-moderation-latest'}], bad: wrongTypes.object},
  prompt: {good: [{id: 'pmpt_1'}], bad: wrongTypes.object},
  reasoning: {good: [{effort: 'low'}, {summary: 'auto'}], neutral: [{}, {effort: null}, {effort: 'none'}], bad: wrongTypes.object},
  service_tier: {good: ['auto', 'default', 'flex'], bad: [...wrongTypes.string, 'best']},
  safety_identifier: string('someone'),
  prompt_cache_key: string('key'),
  prompt_cache_retention: {good: ['24h', 'in_memory'], bad: [...wrongTypes.string, 'ever']},
  prompt_cache_options: {good: [{mode: 'implicit'}], bad: wrongTypes.object},
};

const completions = {
  ...common,
  ...guided,
  prompt: {
    good: ['x', '', ['x', 'y'], [1, 2], [[1, 2], [3]]],
    bad: [5, true, {}, [true], [1, 'x'], ['x', 1], [1.5], [-1], [2048], [[1], 'x'], []],
    required: true,
  },
  max_tokens: integer([0, 1, 16], -1, 2 ** 40),
  best_of: {...integer([2, 3], -1, 21), neutral: [1]},
  echo: boolean,
  logprobs: integer([0, 1, 5], -1, 6),
  suffix: {good: ['.'], neutral: [''], bad: wrongTypes.string},
};

const embeddings = {
  model: {...string('demo'), required: true},
  input: {
    good: ['x', ['x', 'y'], [1, 2], [[1, 2], [3]]],
    bad: [5, {}, '', [], [true], [2048], ['x', 1]],
    required: true,
  },
  encoding_format: {good: ['base64'], neutral: ['float'], bad: [...wrongTypes.string, 'int8']},
  dimensions: integer([16], 0),
  user: string('someone'),
};

// Fields of a chat that are also part of its prompt.
const promptFields = beside => ({
  tools: {...chat.tools, beside},
  tool_choice: {...chat.tool_choice, beside: {...beside, tools: [tool]}},
  parallel_tool_calls: {...chat.parallel_tool_calls, beside},
});

const tokenize = {
  model: string('demo'),
  content: {...string('Hello!', ''), required: true},
  prompt: {...string('Hello!', ''), place: prompt => ({content: undefined, prompt})},
  messages: {
    good: [user('Hello!')], bad: [...wrongTypes.array, []], place: messages => ({content: undefined, messages}),
  },
  add_special: boolean,
  add_special_tokens: boolean,
  parse_special: boolean,
  with_pieces: boolean,
  return_token_strs: boolean,
  ...promptFields({content: undefined, messages: user('Hello!')}),
  add_generation_prompt: {
    good: [false], neutral: [true], bad: wrongTypes.boolean, beside: {content: undefined, messages: user('Hello!')},
  },
};

const detokenize = {
  model: string('demo'),
  tokens: {good: [[], [1, 2, 3]], bad: [...wrongTypes.array, [-1], [2048], [1.5], ['x'], [[1]]], required: true},
};

const applyTemplate = {
  model: string('demo'),
  messages: chat.messages,
  ...promptFields({}),
  add_generation_prompt: {good: [false], neutral: [true], bad: wrongTypes.boolean},
};

const described = more => ({tools: [{name: 'f', input_schema: {type: 'object', properties: {}}, ...more}]});
const system = more => ({system: [{type: 'text', text: 'Be brief.', ...more}]});
const withoutEffect = {without: described({}), bad: []};
const nothing = {description: 'Does nothing', input_schema: {type: 'object', properties: {}, additionalProperties: false}};

const messages = {
  model: {...string('demo'), required: true},
  max_tokens: {...integer([1, 16, 2 ** 20], 0), required: true},
  messages: {good: [user('Hello!')], bad: [...wrongTypes.array, []], required: true},
  'messages[].role': {
    good: ['user', 'assistant', 'system'], bad: [...wrongTypes.string, 'robot'],
    place: role => ({messages: [...user('Hello!'), {role, content: 'Hi'}]}),
  },
  'messages[].content': {
    good: ['', 'Hello!', [], [{type: 'text', text: 'Hello!', cache_control: {type: 'ephemeral'}}],
           [{type: 'tool_result', tool_use_id: 'toolu_1', content: '5'}, {type: 'text', text: 'x'}],
           [{type: 'tool_result', tool_use_id: 'toolu_1', is_error: true, content: [{type: 'text', text: 'no'}]}]],
    bad: [5, true, {}, [5], [{type: 'text'}], [{type: 'text', text: 5}], [{type: 'image', source: {type: 'url', url: 'x'}}],
          [{type: 'document', source: {}}], [{type: 'tool_result'}], [{type: 'tool_use', id: 'x', name: 'f', input: {}}], null],
    place: content => message({content}),
  },
  system: {good: ['Be brief.', [{type: 'text', text: 'Be brief.'}]], neutral: [[]], bad: [5, {}, [5], [{type: 'image'}]]},
  'system[].type': {good: ['text'], bad: [...wrongTypes.string, 'image'], place: type => system({type})},
  'system[].text': {...string('Be kind.'), place: text => system({text})},
  'system[].cache_control': {good: [{type: 'ephemeral', ttl: '1h'}], place: cache_control => system({cache_control}), without: system({})},
  'system[].citations': {good: [[]], place: citations => system({citations}), without: system({})},
  stop_sequences: {good: [['x'], ['a', 'b', 'c', 'd', 'e']], neutral: [[]], bad: ['x', 5, {}, [5], ['']]},
  stream: boolean,
  temperature: number([0, 0.5, 1], -0.1, 1.1),
  top_p: number([0, 0.5, 1], -0.1, 1.1),
  top_k: integer([0, 1, 40], -1),
  tools: {good: [[{name: 'f', ...nothing}]], neutral: [[]], bad: [...wrongTypes.array, [{}], [5]]},
  'tools[].name': {good: ['f', 'a-b_7'], bad: [...wrongTypes.string, '', 'a b'], place: name => described({name})},
  'tools[].type': {good: ['custom'], bad: [...wrongTypes.string, 'bash_20250124'], place: type => described({type})},
  'tools[].description': {...string('It fs.'), place: description => described({description})},
  'tools[].input_schema': {
    good: [nothing.input_schema, {}], bad: [...wrongTypes.object, null, {type: 'string'}, {type: 'object', not: {}}],
    place: input_schema => described({input_schema}),
  },
  'tools[].strict': {...boolean, neutral: [], good: [true, false], place: strict => described({strict})},
  'tools[].cache_control': {good: [{type: 'ephemeral'}], place: cache_control => described({cache_control}), ...withoutEffect},
  'tools[].allowed_callers': {good: [['direct']], place: allowed_callers => described({allowed_callers}), ...withoutEffect},
  'tools[].defer_loading': {good: [false], place: defer_loading => described({defer_loading}), ...withoutEffect},
  'tools[].eager_input_streaming':
    {good: [true], place: eager_input_streaming => described({eager_input_streaming}), ...withoutEffect},
  'tools[].input_examples': {good: [[{}]], place: input_examples => described({input_examples}), ...withoutEffect},
  tool_choice: {
    good: [{type: 'any'}, {type: 'tool', name: 'f'}, {type: 'none'}, {type: 'auto', disable_parallel_tool_use: true}],
    neutral: [{type: 'auto'}], bad: [...wrongTypes.object, {}, {type: 'required'}],
    beside: {...described({})},
  },
  'tool_choice.type':
    {good: ['auto', 'any', 'none'], bad: [...wrongTypes.string, 'some'], beside: described({}), place: type => ({tool_choice: {type}})},
  'tool_choice.name':
    {good: ['f'], bad: [...wrongTypes.string, 'g'], beside: described({}), place: name => ({tool_choice: {type: 'tool', name}})},
  'tool_choice.disable_parallel_tool_use': {
    good: [true, false], bad: wrongTypes.boolean, beside: described({}),
    place: disable_parallel_tool_use => ({tool_choice: {type: 'any', disable_parallel_tool_use}}),
  },
  output_config: {good: [{format: {type: 'json_schema', schema: {enum: ['a', 'b']}}}], neutral: [{}], bad: wrongTypes.object},
  'output_config.effort': {...string('low', 'max'), bad: [...wrongTypes.string, 'huge'], place: effort => ({output_config: {effort}})},
  'output_config.format': {
    good: [{type: 'json_schema', schema: {type: 'integer'}}],
    bad: [...wrongTypes.object, {}, {type: 'yaml'}, {type: 'json_schema'}, {type: 'json_schema', schema: {type: 'x'}}],
    place: format => ({output_config: {format}}),
  },
  thinking: {
    good: [{type: 'disabled'}, {type: 'enabled', budget_tokens: 1024}, {type: 'adaptive', display: 'omitted'}],
    bad: [...wrongTypes.object, {}, {type: 'deep'}, {type: 'enabled', budget_tokens: 'x'}],
  },
  metadata: {good: [{user_id: 'someone'}], bad: [...wrongTypes.object, {user_id: 5}]},
  cache_control: {good: [{type: 'ephemeral'}], bad: wrongTypes.object},
  service_tier: {good: ['auto', 'standard_only'], bad: [...wrongTypes.string, 'best']},
  inference_geo: string('eu'),
  speed: {good: ['standard', 'fast'], bad: wrongTypes.string},
  diagnostics: {good: [{previous_message_id: null}], bad: wrongTypes.object},
  user_profile_id: string('someone'),
  workspace_id: string('place'),
  container: {good: ['c', {id: 'c'}]},
};

// By path: `base` is a whole request.
export const samples = {
  '/v1/chat/completions': {base: {model: 'demo', messages: user('Hello!')}, fields: chat},
  '/v1/completions': {base: {model: 'demo', prompt: 'The capital of France is', max_tokens: 8}, fields: completions},
  '/v1/embeddings': {base: {model: 'demo', input: 'x'}, fields: embeddings},
  '/v1/responses': {base: {model: 'demo', input: 'Hello!', max_output_tokens: 16}, fields: responses},
  '/v1/messages': {base: {model: 'demo', messages: user('Hello!'), max_tokens: 16}, fields: messages},
  '/tokenize': {base: {content: 'Hello!'}, fields: tokenize},
  '/detokenize': {base: {tokens: [1, 2, 3]}, fields: detokenize},
  '/apply-template': {base: {messages: user('Hello!')}, fields: applyTemplate},
};
