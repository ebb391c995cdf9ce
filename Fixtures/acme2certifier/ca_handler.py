"""acme2certifier's openssl CA handler with lifetimes in seconds.

In [CAhandler], read at each certificate:
- cert_validity_seconds: how long certificates are valid, from their issuance on.
- cert_age_seconds: how long before their issuance they became valid.
"""

import datetime

from acme2certifier.acme_srv.helper import load_config
from acme2certifier.cahandlers import openssl_ca_handler


class CAhandler(openssl_ca_handler.CAhandler):
    def _cert_signing_prep(self, ca_cert, req, subject):
        builder = super()._cert_signing_prep(ca_cert, req, subject)
        now = datetime.datetime.now(datetime.timezone.utc)
        start = now - datetime.timedelta(seconds=self._setting("cert_age_seconds", 0))
        end = now + datetime.timedelta(
            seconds=self._setting("cert_validity_seconds", self.cert_validity_days * 86400)
        )
        # cryptography's builder takes each date only once.
        builder._not_valid_before = start.replace(tzinfo=None)  # pylint: disable=protected-access
        builder._not_valid_after = end.replace(tzinfo=None)  # pylint: disable=protected-access
        return builder

    @staticmethod
    def _setting(name, default):
        return load_config().getint("CAhandler", name, fallback=default)
