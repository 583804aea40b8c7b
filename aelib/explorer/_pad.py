def drawing_pad():
    pass


def anomaly_pad():
    pass
