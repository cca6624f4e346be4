import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
members: set[WebSocket] = set()


@app.websocket("/chat")
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


uvicorn.run(app, port=8888)
