"""The WSGI application that gunicorn serves."""

from api.assembly import assemble
from api.settings import ApiSettings
from common import logs
from common.settings import read

settings = read(ApiSettings)
logs.configure("api", settings.log_level, settings.log_format)
app = assemble(settings)
