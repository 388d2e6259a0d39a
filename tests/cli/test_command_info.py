from gpubackprop import backends


def test_whatever_is_described_is_shown(run, monkeypatch):
    facts = {"threads": 2, "devices": {"cpu": "used", "deep": {"a[b]": 1.5}}, "empty": {}}
    monkeypatch.setattr(backends, "describe", lambda: facts, raising=False)
    output = run("info")
    for text in ("threads", "2", "devices", "cpu", "used", "deep", "a[b]", "1.5"):
        assert text in output
