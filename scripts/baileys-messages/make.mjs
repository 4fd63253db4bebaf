// Makes tests/channels/fixtures/baileys-*.jsonl: messages as the real Baileys writes them, a line each,
// {"name", "payload"}, in five dialects. The same every time. To make them again:
//
//     npm --prefix scripts/baileys-messages run make
//
// Nothing is sent and nobody is asked: a message is built by Baileys' own generateWAMessageContent (or from
// protobuf objects where that has no word for it), encoded, and received through Baileys' own decoder.

import crypto from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { cases, ME, ME_LID } from './cases.mjs'

const SECONDS = 1_790_000_000
const OUT = new URL('../../tests/channels/fixtures/', import.meta.url)

// The same every time: one moment, and no chance.
const RealDate = Date
globalThis.Date = class extends RealDate {
	constructor(...given) {
		super(...(given.length ? given : [SECONDS * 1000]))
	}
	static now() {
		return SECONDS * 1000
	}
}
crypto.randomBytes = size => Buffer.alloc(size, 7)
syncBuiltinESMExports()

const baileys = await import('baileys')
const { BufferJSON, cleanMessage, decryptMessageNode, generateWAMessageContent, getContentType, proto } = baileys

const silent = { child: () => silent, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const repository = {
	lidMapping: { getLIDForPN: async () => null },
	processSenderKeyDistributionMessage: async () => {}
}
const upload = async () => ({ mediaUrl: 'https://example.com/media', directPath: '/v/media' })

/** The message as Baileys emits it, received from the chat's other side. */
async function received(one, number) {
	const { jid = '5511900000010@s.whatsapp.net', attrs = {}, nodes, after } = one
	const content = nodes ?? [{ tag: 'plaintext', attrs: {}, content: await encoded(one) }]
	const id = `3EB0${number.toString(16).toUpperCase().padStart(18, '0')}`
	const stanza = { tag: 'message', attrs: { from: jid, id, t: String(SECONDS), notify: 'Cliente', ...attrs }, content }
	const { fullMessage, decrypt } = decryptMessageNode(stanza, ME, ME_LID, repository, silent)
	await decrypt()
	cleanMessage(fullMessage, ME, ME_LID)
	return { ...fullMessage, ...after }
}

async function encoded({ content, raw, wrap = [], quoted }) {
	const options = { upload, logger: silent, jid: ME, getUrlInfo: async () => undefined }
	let message = raw ?? (await generateWAMessageContent(content, options))
	if (quoted) {
		const whole = baileys.generateWAMessageFromContent(ME, message, { userJid: ME, quoted, messageId: 'UNUSED' })
		message = whole.message
	}
	for (const wrapper of wrap) message = { [wrapper]: { message } }
	return proto.Message.encode(proto.Message.fromObject(message)).finish()
}

/** What Evolution posts to a webhook. */
function evolution(live) {
	const type = getContentType(live.message)
	const message = live.message && { ...live.message }
	const contextInfo = message?.[type]?.contextInfo
	if (message?.extendedTextMessage) {
		message.conversation = message.extendedTextMessage.text
		delete message.extendedTextMessage
	}
	if (message?.documentWithCaptionMessage) {
		message.documentMessage = message.documentWithCaptionMessage.message.documentMessage
		delete message.documentWithCaptionMessage
	}
	const data = {
		key: live.key,
		pushName: live.key.fromMe ? 'Você' : live.pushName,
		status: 'DELIVERY_ACK',
		message,
		contextInfo,
		messageType: type,
		messageTimestamp: live.messageTimestamp,
		instanceId: '00000000-0000-4000-8000-000000000000',
		source: 'android',
		messageStubType: live.messageStubType,
		messageStubParameters: live.messageStubParameters
	}
	// cloned first: what has lost its classes is written field by field
	return { event: 'messages.upsert', instance: 'main', data: structuredClone(data), sender: ME, apikey: null }
}

const dialects = {
	live: live => JSON.stringify(live),
	history: live => JSON.stringify(stored(live)),
	plain: live => JSON.stringify(proto.WebMessageInfo.toObject(stored(live))),
	'buffer-json': live => JSON.stringify(proto.WebMessageInfo.toObject(stored(live)), BufferJSON.replacer),
	evolution: live => JSON.stringify(evolution(live))
}

/** A WebMessageInfo, as history gives it; its key has fewer fields. */
function stored(live) {
	return proto.WebMessageInfo.decode(proto.WebMessageInfo.encode(proto.WebMessageInfo.fromObject(live)).finish())
}

mkdirSync(OUT, { recursive: true })
const lines = Object.fromEntries(Object.keys(dialects).map(dialect => [dialect, []]))
let number = 0
for (const [name, one] of Object.entries(cases(proto))) {
	const live = await received(one, ++number)
	for (const [dialect, write] of Object.entries(dialects)) {
		lines[dialect].push(`{"name":${JSON.stringify(name)},"payload":${write(live)}}\n`)
	}
}
for (const [dialect, written] of Object.entries(lines)) {
	writeFileSync(new URL(`baileys-${dialect}.jsonl`, OUT), written.join(''))
}
console.log(`${number} messages in ${Object.keys(lines).length} dialects`)
