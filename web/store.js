// Where conversations are kept: IndexedDB of this browser, nowhere else. Three kinds of records: conversations, messages
// (of one conversation each), and the tokens of an answer, which are large and rarely looked at.

const kinds = ['conversations', 'messages', 'tokens'];

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function openDatabase() {
  const request = indexedDB.open('puna', 1);
  request.onupgradeneeded = () => {
    for (const kind of kinds) {
      const store = request.result.createObjectStore(kind, {keyPath: 'id'});
      if (kind !== 'conversations') store.createIndex('conversation', 'conversation');
    }
  };
  return settled(request);
}

class BrowserStore {
  constructor(database) {
    this.database = database;
    // A newer version of the page in another tab may change the form of the records.
    database.onversionchange = () => database.close();
  }

  // Writes and removes records of any kind together or not at all: {messages: [...]}, {messages: [id, ...]}.
  change(put, remove = {}) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(kinds, 'readwrite');
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
      for (const kind of kinds) {
        for (const record of put[kind] ?? []) transaction.objectStore(kind).put(record);
        for (const id of remove[kind] ?? []) transaction.objectStore(kind).delete(id);
      }
    });
  }

  all(kind) {
    return settled(this.database.transaction(kind).objectStore(kind).getAll());
  }

  ofConversation(kind, id) {
    return settled(this.database.transaction(kind).objectStore(kind).index('conversation').getAll(id));
  }

  get(kind, id) {
    return settled(this.database.transaction(kind).objectStore(kind).get(id));
  }
}

// For browsers that keep nothing: the page works, and says that nothing outlives it.
class MemoryStore {
  constructor() {
    this.records = Object.fromEntries(kinds.map((kind) => [kind, new Map()]));
  }
  async change(put, remove = {}) {
    for (const kind of kinds) {
      for (const record of put[kind] ?? []) this.records[kind].set(record.id, structuredClone(record));
      for (const id of remove[kind] ?? []) this.records[kind].delete(id);
    }
  }
  async all(kind) {
    return structuredClone([...this.records[kind].values()]);
  }
  async ofConversation(kind, id) {
    return (await this.all(kind)).filter((record) => record.conversation === id);
  }
  async get(kind, id) {
    return structuredClone(this.records[kind].get(id));
  }
}

// {store, kept}: whether records outlive the page.
export async function openStore() {
  try {
    return {store: new BrowserStore(await openDatabase()), kept: true};
  } catch {
    return {store: new MemoryStore(), kept: false};
  }
}
