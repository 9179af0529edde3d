"""Mixed precision: products in a narrow dtype, and losses scaled so that narrow gradients do not vanish: torch.amp."""

from gradc.amp.autocast import autocast, is_autocast_available
from gradc.amp.scaler import GradScaler

__all__ = ["GradScaler", "autocast", "is_autocast_available"]
