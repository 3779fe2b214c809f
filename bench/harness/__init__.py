# SPDX-License-Identifier: Apache-2.0
"""The benchmark: datasets, what is measured on them, whom it is measured beside, and the report."""
