window.loaded = true;

const list = document.getElementById("events");
if (list) {
  const source = new EventSource(list.dataset.source);
  source.addEventListener("news", event => {
    const item = document.createElement("li");
    item.textContent = event.lastEventId + ": " + event.data;
    list.append(item);
    if (list.children.length === 7) source.close();
  });
}

const file = document.getElementById("file");
if (file) {
  window.progress = [];
  file.addEventListener("change", () => {
    const request = new XMLHttpRequest();
    const bar = document.getElementById("progress");
    request.upload.addEventListener("progress", event => {
      bar.max = event.total;
      bar.value = event.loaded;
      window.progress.push([event.loaded, event.total]);
    });
    request.addEventListener("load", () => {
      document.getElementById("result").textContent = request.status + " " + request.responseText;
    });
    request.open("PUT", "/upload");
    request.setRequestHeader("X-Xsrftoken", document.querySelector("input[name=_xsrf]").value);
    request.send(file.files[0]);
  });
}
