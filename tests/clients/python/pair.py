"""Two members with python-socketio, from the first join to the last leave: python pair.py URL TRANSPORTS asyncio|sync

Ann's connection is to be cut whenever this prints "cut". What does not happen ends it with an error.
"""

import asyncio
import queue
import sys
import uuid

import socketio

PATIENCE = 20


class Asynchronous:
    """A client on asyncio."""

    def __init__(self):
        self.io = socketio.AsyncClient(reconnection_delay=0.1)
        self.told = queue.Queue()

        async def hear(event, *args):
            self.told.put((event, *args))

        async def connected():
            self.told.put(("connect", None))

        self.io.on("*", hear)
        self.io.on("connect", connected)

    async def connect(self, url, transports):
        await self.io.connect(url, transports=transports)

    async def ask(self, event, data):
        return await self.io.call(event, data, timeout=PATIENCE)

    async def end(self):
        await self.io.disconnect()


class Synchronous:
    """A client on threads."""

    def __init__(self):
        self.io = socketio.Client(reconnection_delay=0.1)
        self.told = queue.Queue()
        self.io.on("*", lambda event, *args: self.told.put((event, *args)))
        self.io.on("connect", lambda: self.told.put(("connect", None)))

    async def connect(self, url, transports):
        await asyncio.to_thread(self.io.connect, url, transports=transports)

    async def ask(self, event, data):
        return await asyncio.to_thread(self.io.call, event, data, timeout=PATIENCE)

    async def end(self):
        await asyncio.to_thread(self.io.disconnect)


async def heard(client, wanted):
    """What the client is told next, which has to be that."""
    event, data = await asyncio.to_thread(client.told.get, timeout=PATIENCE)
    assert event == wanted, f"{event} {data} instead of {wanted}"
    return data


async def asked(client, event, data):
    answer = await client.ask(event, data)
    assert answer["ok"], f"{event}: {answer}"
    return answer


async def main(url, straight, transports, kind):
    ann, bo = kind(), kind()
    me = {name: {"id": str(uuid.uuid4()), "username": name, "roomname": f"python {uuid.uuid4()}"} for name in ("Ann", "Bo")}
    me["Bo"]["roomname"] = me["Ann"]["roomname"]
    for client, address in ((ann, url), (bo, straight)):
        await client.connect(address, transports)
        await heard(client, "connect")

    ann_id = (await asked(ann, "join", me["Ann"]))["memberId"]
    joined = await asked(bo, "join", me["Bo"])
    bo_id = joined["memberId"]
    assert joined["members"] == [{"memberId": ann_id, "username": "Ann"}, {"memberId": bo_id, "username": "Bo"}], joined
    assert await heard(ann, "getOffer") == {"memberId": bo_id, "username": "Bo"}

    offer = {"type": "offer", "sdp": "v=0 é 课 " + "x" * 200_000}
    await asked(ann, "offer", {"connectorId": "a", "offer": offer, "memberId": bo_id, "streamType": "user"})
    told = await heard(bo, "offer")
    assert told == {"remoteConnectorId": "a", "offer": offer, "memberId": ann_id, "username": "Ann", "streamType": "user"}, str(told)[:300]
    answer = {"type": "answer", "sdp": "v=0"}
    await asked(bo, "answer", {"remoteConnectorId": "a", "connectorId": "b", "answer": answer, "memberId": ann_id, "streamType": "user"})
    told = await heard(ann, "answer")
    assert (told["connectorId"], told["remoteConnectorId"], told["answer"]) == ("a", "b", answer), told
    await asked(bo, "icecandidate", {"remoteConnectorId": "a", "memberId": ann_id, "candidate": {"candidate": "c"}})
    assert await heard(ann, "icecandidate") == {"connectorId": "a", "candidate": {"candidate": "c"}}
    refused = await ann.ask("offer", {"connectorId": "a"})
    assert refused["error"]["type"] == "invalid", refused
    assert (await heard(ann, "error"))["event"] == "offer"

    print("cut", flush=True)
    await heard(ann, "connect")
    back = await asked(ann, "reconnect", me["Ann"])
    assert (back["resumed"], back["memberId"]) == (True, ann_id), back
    assert await heard(bo, "reconnect") == {"type": "getOffer", "connectorId": "b", "memberId": ann_id}
    await asked(bo, "reconnectWork", {"type": "offer", "data": {"round": 1}, "connectorId": "b", "memberId": ann_id})
    told = await heard(ann, "reconnect")
    assert told == {"type": "offer", "data": {"round": 1}, "connectorId": "a", "memberId": bo_id}, told

    await asked(ann, "leave", [{"remoteConnectorId": "b", "memberId": bo_id}])
    assert await heard(bo, "leave") == {"connectorId": "b", "memberId": ann_id}
    for client in (ann, bo):
        await client.end()


if __name__ == "__main__":
    address, straight, transports, kind = sys.argv[1:]
    asyncio.run(main(address, straight, transports.split(","), {"asyncio": Asynchronous, "sync": Synchronous}[kind]))
