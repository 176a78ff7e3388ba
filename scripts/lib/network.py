"""A TCP forwarder that fails in the ways of a network."""

import asyncio
import random
import threading

# What happens to the data in each mode.
MODES = {
    "cut": "connections are closed, and new ones too",
    "stall": "connections stay open, and nothing arrives",
    "one-way": "requests arrive, responses do not",
    "slow": "4 KB arrive per second",
    "lossy": "data are late, and one of ten pieces resets its connection",
}


class Forwarder:
    """Forwards connections to `target`, a host and a port, in a thread of its own, which calls `enter` first."""

    def __init__(self, target, host="127.0.0.1", tls=None, enter=lambda: None):
        self.target, self.mode = target, None
        self.random = random.Random(0)
        self.connections = set()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(host, tls, enter, ready), daemon=True).start()
        ready.wait()

    def set_mode(self, mode):
        """Fails in this mode, or works again with None."""
        self.loop.call_soon_threadsafe(self._set_mode, mode)

    def _set_mode(self, mode):
        self.mode = mode
        if mode == "cut":
            self._close()

    def _close(self):
        for writer in list(self.connections):
            writer.transport.abort()

    def _run(self, host, tls, enter, ready):
        enter()
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._accept, host, 0, ssl=tls))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    async def _accept(self, reader, writer):
        if self.mode == "cut":
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, server_writer}
        self.connections |= ends
        try:
            pipes = [self._forward(reader, server_writer, False), self._forward(server_reader, writer, True)]
            await asyncio.gather(*pipes)
        except OSError:
            pass
        finally:
            self.connections -= ends
            for end in ends:
                end.transport.abort()

    async def _forward(self, reader, writer, response):
        while data := await reader.read(4096):
            if self.mode == "slow":
                await asyncio.sleep(len(data) / 4096)
            if self.mode == "lossy":
                await asyncio.sleep(self.random.uniform(0, 1))
                if self.random.random() < 0.1:
                    raise ConnectionResetError
            while self.mode == "stall" or (self.mode == "one-way" and response):
                await asyncio.sleep(0.05)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
