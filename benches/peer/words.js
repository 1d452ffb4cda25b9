// What both peers say and take as chatroom-server does.

export const isText = (value, most) => typeof value === "string" && value.trim() !== "" && value.length <= most;

export const refusal = (type, message) => ({ ok: false, error: { type, message } });

/** What becomes of an event on its way to the member it names, by the sender's address. */
export const TRANSLATIONS = {
  offer: ({ connectorId, offer, streamType }, memberId) => ({
    remoteConnectorId: connectorId,
    offer,
    memberId,
    streamType,
  }),
  answer: ({ remoteConnectorId, connectorId, answer }, memberId) => ({
    remoteConnectorId: connectorId,
    connectorId: remoteConnectorId,
    answer,
    memberId,
  }),
  icecandidate: ({ remoteConnectorId, candidate }) => ({ connectorId: remoteConnectorId, candidate }),
};
