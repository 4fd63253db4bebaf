// The messages: `content` is what Baileys' generateWAMessageContent takes, `raw` a protobuf Message as an object;
// `wrap` names wrappers, from the inside out; `attrs` are those of the stanza; `nodes` replace its content.

export const ME = '5511900000001@s.whatsapp.net'
export const ME_LID = '100000000000001@lid'
const CLIENT = '5511900000010@s.whatsapp.net'
const LID = '100000000000010@lid'
const GROUP = '120363000000000010@g.us'
const KEY = { remoteJid: CLIENT, fromMe: true, id: 'TARGET' }
const PIXEL = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=', 'base64')
const THUMB = Buffer.from([255, 216, 255, 217]).toString('base64')
const CARD = 'BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nTEL;waid=5511900000011:+55 11 90000-0011\nEND:VCARD'
const BYTES = Buffer.alloc(16, 7)
const CONTEXT_INFO = { deviceListMetadata: { recipientKeyHash: BYTES }, deviceListMetadataVersion: 2, messageSecret: BYTES }
const oi = { conversation: 'Oi' }
const quoted = { key: KEY, message: { conversation: 'Qual o horário?' } }
const image = more => ({ image: PIXEL, jpegThumbnail: THUMB, ...more })
const video = more => ({ video: PIXEL, jpegThumbnail: THUMB, seconds: 12, ...more })
const reply = params => ({ nativeFlowResponseMessage: { name: 'menu_options', paramsJson: params, version: 3 } })
const poll = { name: 'Qual dia?', options: [{ optionName: 'Sábado' }, { optionName: 'Domingo' }], selectableOptionsCount: 1 }

export const cases = proto => ({
	// ------------------------------------------------------------------ text
	conversation: { raw: oi },
	'conversation after messageContextInfo': { raw: { messageContextInfo: CONTEXT_INFO, ...oi } },
	'extended text': { content: { text: 'Veja isto' } },
	'quoted text': { content: { text: 'Às nove' }, quoted },
	'mentioning text': { content: { text: '@100000000000010 oi', mentions: [LID] } },
	'forwarded text': { content: { forward: { key: KEY, message: oi }, force: true } },
	'disappearing text': { content: { text: 'Some logo', contextInfo: { expiration: 604800 } }, wrap: ['ephemeralMessage'] },
	'question response': { raw: { questionResponseMessage: { key: KEY, text: 'Sim' } } },
	'status question answer': { raw: { statusQuestionAnswerMessage: { key: KEY, text: 'Azul' } } },
	'nothing but a sender key': { raw: { senderKeyDistributionMessage: { groupId: GROUP } } },
	'text with a sender key': {
		raw: { senderKeyDistributionMessage: { groupId: GROUP }, messageContextInfo: CONTEXT_INFO, ...oi },
		jid: GROUP,
		attrs: { participant: LID, participant_pn: CLIENT, addressing_mode: 'lid' }
	},

	// ------------------------------------------------------------------ media
	image: { content: image({ caption: 'Este?' }) },
	'image without caption': { content: image() },
	'view once image': { content: image({ caption: 'Só uma vez', viewOnce: true }) },
	'view once image V2 in a disappearing chat': {
		content: image({ caption: 'Só uma vez' }),
		wrap: ['viewOnceMessageV2', 'ephemeralMessage']
	},
	'image of an album': { content: image({ albumParentKey: KEY }), wrap: ['associatedChildMessage'] },
	video: { content: video({ caption: 'Olha' }) },
	gif: { content: video({ gifPlayback: true }) },
	'video note': { content: video({ ptv: true }) },
	audio: { content: { audio: PIXEL, seconds: 31, mimetype: 'audio/mp4' } },
	'voice message': { content: { audio: PIXEL, seconds: 7, ptt: true, waveform: BYTES } },
	'view once voice message': {
		content: { audio: PIXEL, seconds: 7, ptt: true, waveform: BYTES },
		wrap: ['viewOnceMessageV2Extension']
	},
	document: { content: { document: PIXEL, fileName: 'exame.pdf', mimetype: 'application/pdf' } },
	'document with caption': {
		content: { document: PIXEL, fileName: 'exame.pdf', mimetype: 'application/pdf', caption: 'Segue' },
		wrap: ['documentWithCaptionMessage']
	},
	sticker: { content: { sticker: PIXEL } },
	'lottie sticker': { content: { sticker: PIXEL }, wrap: ['lottieStickerMessage'] },
	'sticker pack': { raw: { stickerPackMessage: { stickerPackId: 'p', name: 'Gatos', caption: 'Haha', fileLength: 5 } } },
	album: { content: { album: { expectedImageCount: 3, expectedVideoCount: 1 } } },

	// ------------------------------------------------------------------ places, people, events
	location: {
		content: { location: { degreesLatitude: -23.5, degreesLongitude: -46.75, name: 'Praça', address: 'Rua 1' } }
	},
	'location that is none': { raw: { locationMessage: { degreesLatitude: NaN, degreesLongitude: Infinity } } },
	'live location': {
		raw: { liveLocationMessage: { degreesLatitude: -23.5, degreesLongitude: -46.75, caption: 'A caminho', sequenceNumber: 1 } }
	},
	contact: { content: { contacts: { displayName: 'Ana', contacts: [{ displayName: 'Ana', vcard: CARD }] } } },
	contacts: {
		content: {
			contacts: { displayName: '2 contatos', contacts: [{ displayName: 'Ana', vcard: CARD }, { displayName: 'Bia', vcard: CARD }] }
		}
	},
	event: {
		content: { event: { name: 'Feira', description: 'De adoção', startDate: new Date(1_790_086_400_000), location: { name: 'Praça' } } }
	},
	comment: { raw: { commentMessage: { message: { extendedTextMessage: { text: 'Lindo' } }, targetMessageKey: KEY } } },

	// ------------------------------------------------------------------ answers to buttons, lists and forms
	'button reply': { content: { type: 'plain', buttonReply: { id: 'b1', displayText: 'Sim' } } },
	'template button reply': { content: { type: 'template', buttonReply: { id: 't1', displayText: 'Quero', index: 2 } } },
	'list reply': {
		content: { listReply: { title: 'Banho', listType: 1, singleSelectReply: { selectedRowId: 'row1' }, description: 'até 10 kg' } }
	},
	'interactive reply': {
		raw: {
			messageContextInfo: CONTEXT_INFO,
			interactiveResponseMessage: { body: { text: 'Banho', format: 0 }, ...reply('{"id":"row1","description":"até 10 kg"}') }
		}
	},
	'interactive reply without body': { raw: { interactiveResponseMessage: reply('{"id":7}') } },
	'interactive reply that is no JSON': { raw: { interactiveResponseMessage: { body: { text: 'Oi' }, ...reply('{'.repeat(50)) } } },

	// ------------------------------------------------------------------ other bots' prompts
	'buttons prompt': {
		raw: {
			buttonsMessage: { contentText: 'Escolha', footerText: 'Loja', headerType: 1, buttons: [{ buttonId: 'b1', buttonText: { displayText: 'Sim' }, type: 1 }] }
		}
	},
	'buttons prompt with a header only': { raw: { buttonsMessage: { text: 'Título', headerType: 2 } } },
	'list prompt': { raw: { listMessage: { title: 'Menu', description: 'Escolha', buttonText: 'Ver', listType: 1 } } },
	'interactive prompt': { raw: { interactiveMessage: { body: { text: 'Escolha' }, nativeFlowMessage: { buttons: [], messageVersion: 1 } } } },
	'interactive prompt as view once': { raw: { interactiveMessage: { body: { text: 'Escolha' } } }, wrap: ['viewOnceMessage'] },
	'template prompt': { raw: { templateMessage: { hydratedTemplate: { hydratedContentText: 'Olá', templateId: '1' } } } },
	'template prompt of four rows': { raw: { templateMessage: { hydratedFourRowTemplate: { hydratedContentText: 'Olá' } } } },
	'interactive template prompt': { raw: { templateMessage: { interactiveMessageTemplate: { body: { text: 'Olá' } } } } },
	'highly structured prompt': {
		raw: { highlyStructuredMessage: { namespace: 'n', elementName: 'e', hydratedHsm: { hydratedTemplate: { hydratedContentText: 'Olá' } } } }
	},

	// ------------------------------------------------------------------ polls, shops, invitations, payments
	poll: { content: { poll: { name: 'Qual dia?', values: ['Sábado', 'Domingo'], selectableCount: 2 } } },
	'poll with one answer': { content: { poll: { name: 'Qual dia?', values: ['Sábado', 'Domingo'], selectableCount: 1 } } },
	'poll of a community': {
		content: { poll: { name: 'Qual dia?', values: ['Sábado', 'Domingo'], selectableCount: 1, toAnnouncementGroup: true } }
	},
	'poll V4': { raw: { pollCreationMessage: poll }, wrap: ['pollCreationMessageV4'] },
	'poll V5': { raw: { messageContextInfo: CONTEXT_INFO, pollCreationMessageV5: poll } },
	order: {
		raw: { orderMessage: { orderId: 'o1', itemCount: 2, message: 'Tem?', totalAmount1000: 59900, totalCurrencyCode: 'BRL', thumbnail: BYTES } }
	},
	product: { content: { product: { productImage: PIXEL, productId: 'p1', title: 'Coleira', priceAmount1000: 29900, currencyCode: 'BRL' }, body: 'Este' } },
	'group invite': {
		content: { groupInvite: { inviteCode: 'c', inviteExpiration: 1_790_086_400, text: 'Entra', jid: GROUP, subject: 'Pets' } }
	},
	'newsletter admin invite': { raw: { newsletterAdminInviteMessage: { newsletterJid: '1@newsletter', caption: 'Ajuda?' } } },
	'newsletter follower invite': { raw: { newsletterFollowerInviteMessageV2: { newsletterJid: '1@newsletter', caption: 'Siga' } } },
	'payment sent': { raw: { sendPaymentMessage: { noteMessage: { extendedTextMessage: { text: 'Banho' } } } } },
	'payment asked for': { raw: { requestPaymentMessage: { noteMessage: { conversation: 'Banho' }, currencyCodeIso4217: 'BRL', amount1000: 60000 } } },
	invoice: { raw: { invoiceMessage: { note: 'Banho', token: 't' } } },

	// ------------------------------------------------------------------ what happens to other messages
	reaction: { content: { react: { text: '👍', key: KEY } } },
	'reaction taken back': { content: { react: { text: '', key: KEY } } },
	'poll vote': { raw: { pollUpdateMessage: { pollCreationMessageKey: KEY, vote: { encPayload: BYTES, encIv: BYTES }, senderTimestampMs: 1_790_000_000_000 } } },
	revoke: { content: { delete: KEY } },
	edit: { content: { text: 'Às dez', edit: KEY } },
	'edit of a caption': { content: image({ caption: 'Aquele', edit: KEY }) },
	'edit in a wrapper': { content: { text: 'Às dez', edit: KEY }, wrap: ['editedMessage'] },
	'edited content': { raw: { conversation: 'Às dez' }, wrap: ['editedMessage'] },
	'encrypted edit': { raw: { secretEncryptedMessage: { targetMessageKey: KEY, encPayload: BYTES, encIv: BYTES, secretEncType: 2 } } },
	'encrypted edit of an event': { raw: { secretEncryptedMessage: { targetMessageKey: KEY, encPayload: BYTES, secretEncType: 1 } } },
	'encrypted reaction': { raw: { encReactionMessage: { targetMessageKey: KEY, encPayload: BYTES, encIv: BYTES } } },
	'encrypted comment': { raw: { encCommentMessage: { targetMessageKey: KEY, encPayload: BYTES, encIv: BYTES } } },
	'encrypted event response': { raw: { encEventResponseMessage: { eventCreationMessageKey: KEY, encPayload: BYTES, encIv: BYTES } } },
	pin: { content: { pin: KEY, type: 1, time: 86400 } },
	keep: { raw: { keepInChatMessage: { key: KEY, keepType: 1, timestampMs: 1_790_000_000_000 } } },

	// ------------------------------------------------------------------ nobody answers these
	'disappearing messages set': { content: { disappearingMessagesInChat: 604800 } },
	'phone number shared': { content: { sharePhoneNumber: true } },
	'sharing limited': { content: { limitSharing: true } },
	'history sync': { raw: { protocolMessage: { type: 5, historySyncNotification: { fileSha256: BYTES, fileLength: 5 } } } },
	'app state keys': { raw: { protocolMessage: { type: 6, appStateSyncKeyShare: { keys: [] } } } },
	'phone number asked for': { content: { requestPhoneNumber: true } },
	'call offer': { raw: { call: { callKey: BYTES } } },
	'call log': { raw: { callLogMesssage: { isVideo: true, callOutcome: 1, durationSecs: 0, callType: 0 } } },
	'broadcast call': { raw: { bcallMessage: { sessionId: 's', mediaType: 2, caption: 'Ao vivo' } } },
	'scheduled call': { raw: { scheduledCallCreationMessage: { scheduledTimestampMs: 1_790_086_400_000, callType: 1, title: 'Consulta' } } },
	placeholder: { raw: { placeholderMessage: { type: 0 } } },
	'poll result': { raw: { pollResultSnapshotMessage: { name: 'Qual dia?', pollVotes: [{ optionName: 'Sábado', optionVoteCount: 2 }] } } },
	'poll result V3': { raw: { pollResultSnapshotMessageV3: { name: 'Qual dia?' } } },
	'payment invited': { raw: { paymentInviteMessage: { serviceType: 1 } } },
	'payment declined': { raw: { declinePaymentRequestMessage: { key: KEY } } },
	'payment cancelled': { raw: { cancelPaymentRequestMessage: { key: KEY } } },
	'sticker sync': { raw: { stickerSyncRmrMessage: { filehash: ['h'], rmrSource: 'r' } } },
	'history bundle': { raw: { messageHistoryBundle: { mimetype: 'm', directPath: '/v' } } },
	'history notice': { raw: { messageHistoryNotice: { messageHistoryMetadata: { messageCount: 2 } } } },
	'status notification': { raw: { statusNotificationMessage: { responseMessageKey: KEY, type: 1 } } },
	'rich response': { raw: { richResponseMessage: { messageType: 1 } } },
	'chat settings': { raw: { chat: { displayName: 'Loja', id: '1' } } },
	'scheduled call edited': { raw: { scheduledCallEditMessage: { key: KEY, editType: 1 } } },

	// ------------------------------------------------------------------ wrappers
	...Object.fromEntries(
		[
			'botForwardedMessage',
			'botInvokeMessage',
			'botTaskMessage',
			'groupMentionedMessage',
			'limitSharingMessage',
			'pollCreationOptionImageMessage',
			'questionMessage',
			'questionReplyMessage',
			'eventCoverImage',
			'groupStatusMentionMessage',
			'groupStatusMessage',
			'groupStatusMessageV2',
			'statusAddYours',
			'statusMentionMessage'
		].map(wrapper => [`in a ${wrapper}`, { raw: oi, wrap: [wrapper] }])
	),
	'ten wrappers': { raw: oi, wrap: Array(10).fill('ephemeralMessage') },
	'eleven wrappers': { raw: oi, wrap: Array(11).fill('ephemeralMessage') },

	// ------------------------------------------------------------------ chats and people
	'from a LID with its phone': { raw: oi, jid: LID, attrs: { sender_pn: CLIENT, addressing_mode: 'lid' } },
	'from a LID alone': { raw: oi, jid: LID },
	'from a phone with its LID': { raw: oi, attrs: { sender_lid: '100000000000010:20@lid', addressing_mode: 'pn' } },
	'from a device': { raw: oi, jid: '5511900000010:12@s.whatsapp.net' },
	'from a hosted device': { raw: oi, jid: '5511900000010:99@hosted' },
	'from a hosted LID': { raw: oi, jid: '100000000000010:99@hosted.lid' },
	'from a group by LID': { raw: oi, jid: GROUP, attrs: { participant: LID, participant_pn: CLIENT, addressing_mode: 'lid' } },
	'from a group by phone': { raw: oi, jid: GROUP, attrs: { participant: CLIENT, participant_lid: LID, addressing_mode: 'pn' } },
	'from an old group': { raw: oi, jid: '5511900000011-1600000000@g.us', attrs: { participant: CLIENT } },
	'a status': { raw: oi, jid: 'status@broadcast', attrs: { participant: CLIENT } },
	'a status by LID': {
		raw: oi,
		jid: 'status@broadcast',
		attrs: { participant: LID, participant_pn: CLIENT, addressing_mode: 'lid' }
	},
	'a broadcast': { raw: oi, jid: '1600000000@broadcast', attrs: { participant: CLIENT } },
	'a newsletter': { raw: oi, jid: '120363000000000020@newsletter', attrs: { server_id: '101' } },
	'from our own phone': { raw: { deviceSentMessage: { destinationJid: CLIENT, message: oi } }, jid: ME, attrs: { recipient: CLIENT } },
	'to ourselves': { raw: oi, jid: ME, attrs: {} },
	'from WhatsApp itself': { raw: oi, jid: '0@s.whatsapp.net' },

	// ------------------------------------------------------------------ without content
	'not to be decrypted': { nodes: [{ tag: 'enc', attrs: { type: 'unheard of' }, content: BYTES }] },
	'absent from the stanza': { nodes: [] },
	'view once for the phone only': { nodes: [{ tag: 'unavailable', attrs: { type: 'view_once' } }] },
	'member added to a group': {
		nodes: [],
		jid: GROUP,
		attrs: { participant: LID },
		after: {
			messageStubType: proto.WebMessageInfo.StubType.GROUP_PARTICIPANT_ADD,
			messageStubParameters: [CLIENT]
		}
	},
	'missed call': { nodes: [], after: { messageStubType: proto.WebMessageInfo.StubType.CALL_MISSED_VOICE, messageStubParameters: [] } }
})
