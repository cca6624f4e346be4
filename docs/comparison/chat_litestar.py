import uvicorn
from litestar import Litestar, WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect

members: set[WebSocket] = set()


@websocket("/chat")
async def chat(socket: WebSocket) -> None:
    await socket.accept()
    members.add(socket)
    try:
        while True:
            message = await socket.receive_text()
            for member in list(members):
                await member.send_text(message)
    except WebSocketDisconnect:
        pass
    finally:
        members.discard(socket)


uvicorn.run(Litestar([chat]), port=8888)
