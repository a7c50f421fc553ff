"""Write the JSON of every dashboard anew."""

from monitoring.dashboards import FOLDER, texts

for stale in FOLDER.glob("*.json"):
    stale.unlink()
for name, text in texts().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
