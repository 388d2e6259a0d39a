from gpubackprop.backends import environment


def test_whatever_is_described_is_shown(run, monkeypatch):
    facts = {"threads": 2, "devices": {"cpu": "used", "deep": {"a[b]": 1.5}}, "empty": {}}
    monkeypatch.setattr(environment, "describe", lambda: facts)
    output = run("info")
    for text in ("threads", "2", "devices", "cpu", "used", "deep", "a[b]", "1.5"):
        assert text in output
